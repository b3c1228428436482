#include "data/sample_rows.h"

#include <string_view>
#include <utility>

#include "core/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::json;

std::string_view kind_of(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "true or false";
  return value.is_null() ? "null" : "a number";
}

/// One row on its way into messages.
class RowReader {
 public:
  RowReader(const Json& row, const std::string& name) : json_(row), name_(name) {}

  SampleRow read() {
    refuse_other_tasks();
    if (const Json* messages = find("messages")) {
      read_messages(*messages, "messages", "role", "content");
    } else if (const Json* turns = find("conversations")) {
      read_messages(*turns, "conversations", "from", "value");
    } else if (const Json* pairs = find("conversation")) {
      read_system();
      read_pairs(*pairs);
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
    row_.images = read_paths("images", "image");
    row_.videos = read_paths("videos", "video");
    return std::move(row_);
  }

 private:
  [[noreturn]] void fail(std::string_view place, std::string_view what) const {
    throw InputError(fmt::format("{}: {} {}", name_, place, what));
  }

  const Json* find(const Json& object, const char* key) const {
    const auto entry = object.find(key);
    return entry == object.end() || entry->is_null() ? nullptr : &*entry;
  }
  const Json* find(const char* key) const { return find(json_, key); }

  /// Rows that would be learnt wrongly as plain conversations.
  void refuse_other_tasks() const {
    if (find("audios") != nullptr) fail("audios", "are not for this model");
    if (const Json* label = find("label"); label != nullptr && *label == false) {
      fail("label", "is false: bad answers (KTO) can't be learnt from");
    }
  }

  void add(Role role, std::string text, std::string place, bool learnt = true) {
    row_.messages.push_back({role, std::move(text), std::move(place), learnt});
  }

  std::string text(const Json& value, const std::string& place) const {
    if (!value.is_string()) fail(place, fmt::format("must be a string, not {}", kind_of(value)));
    return value.get<std::string>();
  }
  std::string text_of(const Json& object, const char* key, const std::string& place) const {
    const Json* value = find(object, key);
    if (value == nullptr) fail(place, "is missing");
    return text(*value, place);
  }

  const Json& list(const Json& value, const std::string& place) const {
    if (!value.is_array()) fail(place, fmt::format("must be a list, not {}", kind_of(value)));
    return value;
  }
  const Json& object(const Json& value, const std::string& place) const {
    if (!value.is_object()) fail(place, fmt::format("must be an object, not {}", kind_of(value)));
    return value;
  }

  Role role(const std::string& word, const std::string& place) const {
    if (word == "user" || word == "human") return Role::kUser;
    if (word == "assistant" || word == "gpt") return Role::kAssistant;
    if (word == "system") return Role::kSystem;
    constexpr size_t kLongest = 40;
    fail(place, fmt::format("is \"{}\"; it can be system, user (human) or assistant (gpt)",
                            word.substr(0, kLongest)));
  }

  void read_messages(const Json& messages, const std::string& key, const char* role_key,
                     const char* text_key) {
    size_t index = 0;
    for (const Json& message : list(messages, key)) {
      const std::string place = fmt::format("{}[{}]", key, index++);
      object(message, place);
      const std::string role_place = place + "." + role_key;
      const std::string text_place = place + "." + text_key;
      const Role who = role(text_of(message, role_key, role_place), role_place);
      add(who, text_of(message, text_key, text_place), text_place, read_loss(message, place));
    }
    // Elsewhere the system's words stand beside the messages.
    if (row_.messages.empty() || row_.messages[0].role != Role::kSystem) {
      if (const Json* system = find("system")) {
        row_.messages.insert(row_.messages.begin(),
                             {Role::kSystem, text(*system, "system"), "system", true});
      }
    }
  }

  bool read_loss(const Json& message, const std::string& place) const {
    const Json* loss = find(message, "loss");
    if (loss == nullptr) return true;
    if (!loss->is_boolean()) {
      fail(place + ".loss", fmt::format("must be true or false, not {}", kind_of(*loss)));
    }
    return loss->get<bool>();
  }

  void read_system() {
    const Json* system = find("system");
    if (system == nullptr) return;
    std::string words = text(*system, "system");
    if (!words.empty()) add(Role::kSystem, std::move(words), "system");
  }

  void read_pairs(const Json& pairs) {
    size_t index = 0;
    for (const Json& pair : list(pairs, "conversation")) {
      const std::string place = fmt::format("conversation[{}]", index++);
      object(pair, place);
      const std::string question = place + ".human";
      const std::string answer = place + ".assistant";
      add(Role::kUser, text_of(pair, "human", question), question);
      add(Role::kAssistant, text_of(pair, "assistant", answer), answer);
    }
  }

  void read_history() {
    const Json* history = find("history");
    if (history == nullptr) return;
    size_t index = 0;
    for (const Json& turn : list(*history, "history")) {
      const std::string place = fmt::format("history[{}]", index++);
      if (!turn.is_array() || turn.size() != 2) fail(place, "must be a list [query, response]");
      add(Role::kUser, text(turn[0], place + "[0]"), place + "[0]");
      add(Role::kAssistant, text(turn[1], place + "[1]"), place + "[1]");
    }
  }

  /// Without a query, or with an empty one, the response is a text to pre-train on.
  void read_query(const char* query_key, const char* response_key) {
    std::string query;
    if (const Json* value = find(query_key)) query = text(*value, query_key);
    if (!query.empty() || !row_.messages.empty()) add(Role::kUser, std::move(query), query_key);
    add(Role::kAssistant, text(json_[response_key], response_key), response_key);
  }

  void read_instruction() {
    std::string query;
    if (const Json* value = find("instruction")) query = text(*value, "instruction");
    if (const Json* value = find("input")) {
      const std::string input = text(*value, "input");
      if (!input.empty()) query += query.empty() ? input : "\n" + input;
    }
    if (query.empty()) fail("instruction", "is missing or empty");
    add(Role::kUser, std::move(query), "instruction");
    add(Role::kAssistant, text(json_["output"], "output"), "output");
  }

  std::vector<std::string> read_paths(const char* plural, const char* singular) const {
    const bool has_plural = find(plural) != nullptr;
    if (has_plural && find(singular) != nullptr) {
      fail(singular, fmt::format("stands beside {}; only one of them can count", plural));
    }
    const char* key = has_plural ? plural : singular;
    const Json* value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) return {path(*value, key)};
    std::vector<std::string> paths;
    if (!value->is_array()) {
      fail(key, fmt::format("must be a path or a list of paths, not {}", kind_of(*value)));
    }
    for (const Json& entry : *value) {
      paths.push_back(path(entry, fmt::format("{}[{}]", key, paths.size())));
    }
    return paths;
  }

  std::string path(const Json& value, const std::string& place) const {
    std::string path = text(value, place);
    if (path.empty()) fail(place, "is empty");
    if (path.find('\0') != std::string::npos) fail(place, "has a zero byte");
    return path;
  }

  const Json& json_;
  const std::string& name_;
  SampleRow row_;
};

}  // namespace

SampleRow read_row(const Json& row, const std::string& name) {
  return RowReader(row, name).read();
}

}  // namespace owl3
