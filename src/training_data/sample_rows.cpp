#include "training_data/sample_rows.h"

#include <array>
#include <optional>
#include <utility>

#include "core/error.h"
#include "formats/json_reader.h"
#include "text/user_marks.h"
#include "text/utf8.h"
#include "training_data/row_media.h"
#include "training_data/row_values.h"

namespace owl3 {
namespace {

using Json = nlohmann::json;

/// Where a kind of media stands: in lists of the row, and in parts of a message.
struct MediaKeys {
  const char* plural;
  const char* singular;
  const char* url;  // of a part, as in OpenAI's API
  std::string_view mark;
};
constexpr MediaKeys kImages{"images", "image", "image_url", kUserImageMark};
constexpr MediaKeys kVideos{"videos", "video", "video_url", kUserVideoMark};

bool is_set(const Json* value) {
  if (value == nullptr) return false;
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  return !value->is_structured() || !value->empty();
}

/// The first of the keys that the object has, or `otherwise`.
const char* key_of(const Json& object, std::initializer_list<const char*> keys,
                   const char* otherwise) {
  for (const char* key : keys) {
    if (find_value(object, key) != nullptr) return key;
  }
  return otherwise;
}

/// One row on its way into messages.
class RowReader {
 public:
  RowReader(const Json& row, const std::string& name) : json_(row), values_(name) {}

  SampleRow read() {
    refuse_other_tasks();
    if (const Json* messages = find("messages")) {
      read_messages(*messages, "messages", "role", "content");
    } else if (const Json* turns = find("conversations")) {
      every_mark_places_ = true;
      read_messages(*turns, "conversations", "from", "value");
    } else if (const Json* pairs = find("conversation")) {
      read_messages(*pairs, "conversation", nullptr, nullptr);
    } else if (find("response") != nullptr) {
      read_system();
      read_history();
      read_query("query", "response");
    } else if (find("output") != nullptr) {
      read_system();
      read_history();
      read_instruction();
    } else {
      fail("messages",
           "is missing (nor has the row conversations, conversation, response or output)");
    }
    read_media(kImages, row_.images);
    read_media(kVideos, row_.videos);
    return std::move(row_);
  }

 private:
  [[noreturn]] void fail(std::string_view place, std::string_view what) const {
    values_.fail(place, what);
  }
  const Json* find(const char* key) const { return find_value(json_, key); }

  /// Rows that would be learnt wrongly as plain conversations.
  void refuse_other_tasks() const {
    if (is_set(find("audios"))) fail("audios", "are not for this model");
    if (const Json* label = find("label"); label != nullptr && *label == false) {
      fail("label", "is false: bad answers (KTO) can't be learnt from");
    }
  }

  void add(Role role, std::string text, std::string place, bool learnt = true) {
    row_.messages.push_back({role, std::move(text), std::move(place), learnt});
  }

  Role role(const std::string& word, const std::string& place) const {
    if (word == "user" || word == "human") return Role::kUser;
    if (word == "assistant" || word == "gpt") return Role::kAssistant;
    if (word == "system") return Role::kSystem;
    constexpr size_t kLongest = 40;
    fail(place, fmt::format("is \"{}\"; it can be system, user (human) or assistant (gpt)",
                            word.substr(0, kLongest)));
  }

  /// The keys are the layout's own, for what is missing; a layout without is of pairs.
  void read_messages(const Json& messages, const std::string& key, const char* role_key,
                     const char* text_key) {
    size_t index = 0;
    for (const Json& message : values_.list(messages, key)) {
      const std::string place = fmt::format("{}[{}]", key, index++);
      values_.object(message, place);
      if (is_pair(message, role_key == nullptr)) {
        read_pair(message, place);
      } else {
        read_message(message, place, key_of(message, {"role", "from"}, role_key),
                     key_of(message, {"content", "value"}, text_key));
      }
    }
    // Elsewhere the system's words stand beside the messages.
    if (row_.messages.empty() || row_.messages[0].role != Role::kSystem) {
      if (std::optional<RowMessage> system = system_beside()) {
        row_.messages.insert(row_.messages.begin(), std::move(*system));
      }
    }
  }

  static bool is_pair(const Json& message, bool otherwise) {
    if (key_of(message, {"role", "from"}, nullptr) != nullptr) return false;
    return otherwise || key_of(message, {"human", "user"}, nullptr) != nullptr;
  }

  void read_pair(const Json& pair, const std::string& place) {
    const char* user_key = key_of(pair, {"human", "user"}, "human");
    const char* answer_key = key_of(pair, {"assistant", "gpt"}, "assistant");
    const std::string question = fmt::format("{}.{}", place, user_key);
    const std::string answer = fmt::format("{}.{}", place, answer_key);
    add(Role::kUser, words(values_.text_of(pair, user_key, question)), question);
    add(Role::kAssistant, words(values_.text_of(pair, answer_key, answer)), answer);
  }

  void read_message(const Json& message, const std::string& place, const char* role_key,
                    const char* text_key) {
    const std::string role_place = fmt::format("{}.{}", place, role_key);
    const Role who = role(values_.text_of(message, role_key, role_place), role_place);
    // A message that has nothing to say has no key to name either; those of pairs have "content".
    const char* key = text_key == nullptr ? "content" : text_key;
    const std::string text_place = fmt::format("{}.{}", place, key);
    const Json* value = find_value(message, key);
    if (value == nullptr) fail(text_place, "is missing");
    add(who, content(*value, text_place), text_place, read_loss(message, place));
  }

  /// LLaVA knows no mark that is plain text.
  std::string words(std::string text) const {
    return every_mark_places_ ? with_every_mark_placing(text) : std::move(text);
  }

  /// The text of a message. Media among its parts leave their marks in it.
  std::string content(const Json& value, const std::string& place) {
    if (value.is_string()) return words(value.get<std::string>());
    if (!value.is_array()) {
      fail(place, fmt::format("must be a string or a list of parts, not {}", kind_of(value)));
    }
    std::string text;
    size_t index = 0;
    for (const Json& part : value) {
      const std::string part_place = fmt::format("{}[{}]", place, index++);
      add_part(values_.object(part, part_place), part_place, text);
    }
    return text;
  }

  void add_part(const Json& part, const std::string& place, std::string& text) {
    std::string type = key_of(part, {"text", "image", "image_url", "video", "video_url"}, "");
    if (const Json* given = find_value(part, "type")) type = values_.text(*given, place + ".type");
    if (type == "text") {
      text += words(values_.text_of(part, "text", place + ".text"));
      return;
    }
    for (const MediaKeys* keys : {&kImages, &kVideos}) {
      if (type != keys->singular && type != keys->url) continue;
      read_part(part, place, type.c_str(), *keys);
      // A backslash that the text ends in is none of the mark's.
      const size_t backslashes = text.size() - (text.find_last_not_of('\\') + 1);
      text.append(backslashes, '\\').append(keys->mark);
      return;
    }
    constexpr size_t kLongest = 40;
    fail(place + ".type", type.empty()
                              ? "is missing"
                              : fmt::format("is \"{}\"; it can be text, image, image_url, video or "
                                            "video_url",
                                            type.substr(0, kLongest)));
  }

  /// A part names its medium itself, or it is the next of the row's list.
  void read_part(const Json& part, const std::string& place, const char* type,
                 const MediaKeys& keys) {
    int64_t& parts = keys.mark == kImages.mark ? image_parts_ : video_parts_;
    std::vector<RowMedium>& media = keys.mark == kImages.mark ? row_.images : row_.videos;
    const int64_t number = parts++;
    if (const Json* value = find_value(part, type)) {
      const std::string value_place = fmt::format("{}.{}", place, type);
      media.push_back({medium_reference(*value, value_place, values_), value_place});
    } else if (key_of(part, {"path", "url", "bytes"}, nullptr) != nullptr) {
      media.push_back({medium_reference(part, place, values_), place});
    } else if (const Json* index = find_value(part, "index"); index && *index != number) {
      fail(place + ".index", fmt::format("must be {}: media are taken in order", number));
    }
  }

  bool read_loss(const Json& message, const std::string& place) const {
    const Json* loss = find_value(message, "loss");
    if (loss == nullptr) return true;
    if (!loss->is_boolean()) {
      fail(place + ".loss", fmt::format("must be true or false, not {}", kind_of(*loss)));
    }
    return loss->get<bool>();
  }

  std::optional<RowMessage> system_beside() const {
    const Json* system = find("system");
    if (system == nullptr) return std::nullopt;
    std::string words = values_.text(*system, "system");
    if (words.empty()) return std::nullopt;
    return RowMessage{Role::kSystem, std::move(words), "system", true};
  }

  void read_system() {
    if (std::optional<RowMessage> system = system_beside()) {
      row_.messages.push_back(std::move(*system));
    }
  }

  void read_history() {
    const Json* history = find("history");
    if (history == nullptr) return;
    size_t index = 0;
    for (const Json& turn : values_.list(*history, "history")) {
      const std::string place = fmt::format("history[{}]", index++);
      if (!turn.is_array() || turn.size() != 2) fail(place, "must be a list [query, response]");
      add(Role::kUser, values_.text(turn[0], place + "[0]"), place + "[0]");
      add(Role::kAssistant, values_.text(turn[1], place + "[1]"), place + "[1]");
    }
  }

  /// Without a query, or with an empty one, the response is a text to pre-train on.
  void read_query(const char* query_key, const char* response_key) {
    std::string query;
    if (const Json* value = find(query_key)) query = values_.text(*value, query_key);
    if (!query.empty() || !row_.messages.empty()) add(Role::kUser, std::move(query), query_key);
    add(Role::kAssistant, values_.text(json_[response_key], response_key), response_key);
  }

  void read_instruction() {
    std::string query;
    if (const Json* value = find("instruction")) query = values_.text(*value, "instruction");
    if (const Json* value = find("input")) {
      const std::string input = values_.text(*value, "input");
      if (!input.empty()) query += query.empty() ? input : "\n" + input;
    }
    if (query.empty()) fail("instruction", "is missing or empty");
    add(Role::kUser, std::move(query), "instruction");
    add(Role::kAssistant, values_.text(json_["output"], "output"), "output");
  }

  /// Adds what the row lists; what parts of its messages name is there already.
  void read_media(const MediaKeys& keys, std::vector<RowMedium>& media) const {
    const Json* list = find(keys.plural);
    const Json* one = find(keys.singular);
    if (list != nullptr && one != nullptr) {
      fail(keys.singular, fmt::format("stands beside {}; only one of them can count", keys.plural));
    }
    const char* key = list != nullptr ? keys.plural : keys.singular;
    const Json* value = list != nullptr ? list : one;
    if (value == nullptr || (value->is_array() && value->empty())) return;
    if (!media.empty()) {
      fail(key, fmt::format("stands beside {}; only one of them can count", media[0].place));
    }
    const bool is_list = value->is_array();
    if (!is_list && !value->is_string() && !value->is_object()) {
      fail(key, fmt::format("must be a path or a list of paths, not {}", kind_of(*value)));
    }
    for (const Json& entry : is_list ? *value : Json::array({*value})) {
      const std::string place = fmt::format("{}[{}]", keys.plural, media.size());
      media.push_back({medium_reference(entry, is_list ? place : key, values_), place});
    }
  }

  const Json& json_;
  RowValues values_;
  SampleRow row_;
  bool every_mark_places_ = false;  // whatever stands before it
  int64_t image_parts_ = 0;
  int64_t video_parts_ = 0;
};

}  // namespace

Json parse_row(std::string_view text, const std::string& name) {
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw InputError(fmt::format("{}: not UTF-8 at byte {}", name, at));
  }
  return parse_json_object(text, name, kMaxSampleBytes, JsonDialect::kPython);
}

SampleRow read_row(const Json& row, const std::string& name) {
  return RowReader(row, name).read();
}

}  // namespace owl3
