#include "api/conversation_file.h"

#include <nlohmann/json.hpp>

#include "constraint/answer_form.h"
#include "core/atomic_file.h"
#include "core/colour.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/own_files.h"
#include "formats/json_reader.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t kVersion = 1;
constexpr size_t kMaxBytes = size_t{256} << 20;
constexpr double kMaxSeconds = 1e9;

Json to_json(const MediumSource& medium) {
  Json json;
  json["type"] = medium.is_video ? "video" : "image";
  json["path"] = fs::absolute(medium.path).string();
  if (medium.is_video) {
    json["fps"] = medium.video.fps;
    json["max_frames"] = medium.video.max_frames;
    json["sampling"] = medium.video.sampling == FrameSampling::kOfficial ? "official" : "time";
    json["start"] = medium.video.start_seconds;
    json["end"] = medium.video.end_seconds;
    if (medium.video.max_pixels != kMaxPixels) json["max_pixels"] = medium.video.max_pixels;
  } else {
    if (medium.image.cut) json["cut"] = *medium.image.cut;
    json["exif"] = medium.image.apply_exif_orientation;
    if (medium.image.background) json["background"] = colour_text(*medium.image.background);
    if (medium.image.max_pixels != kMaxPixels) json["max_pixels"] = medium.image.max_pixels;
  }
  return json;
}

/// The one thing that a form says.
Json to_json(const AnswerForm& form) {
  Json json = Json::object();
  if (!form.schema.empty()) json["schema"] = parse_schema(form.schema);
  if (!form.choices.empty()) json["choices"] = form.choices;
  if (!form.regex.empty()) json["regex"] = form.regex;
  if (form.json) json["json"] = true;
  return json;
}

Json to_json(const GenerationOptions& options) {
  Json json;
  json["do_sample"] = options.do_sample;
  json["temperature"] = options.temperature;
  json["top_k"] = options.top_k;
  json["top_p"] = options.top_p;
  json["min_p"] = options.min_p;
  json["repetition_penalty"] = options.repetition_penalty;
  json["seed"] = options.seed;
  json["max_new_tokens"] = options.max_new_tokens;
  json["num_beams"] = options.num_beams;
  json["stop"] = options.stop;
  if (options.form) json["form"] = to_json(*options.form);
  return json;
}

Json to_json(const SavedConversation& conversation) {
  Json json;
  json["format"] = mark_of(OwnFile::kConversation);
  json["version"] = kVersion;
  json["system"] = conversation.system;
  if (conversation.number_images) json["number_images"] = *conversation.number_images;
  json["generation"] = to_json(conversation.generation);
  json["turns"] = Json::array();
  for (const SavedTurn& turn : conversation.turns) {
    Json media = Json::array();
    for (const MediumSource& medium : turn.media) media.push_back(to_json(medium));
    json["turns"].push_back(
        {{"question", turn.question}, {"media", std::move(media)}, {"answer", turn.answer}});
  }
  return json;
}

/// Reads the file's parts; every error names the file and the place in it.
class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path), name_(path.string()) {}

  SavedConversation read(const GenerationOptions& defaults) const {
    const auto file = MappedFile::open(path_);
    const auto bytes = file->bytes();
    const nlohmann::json json = parse_json_object(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name_, kMaxBytes);
    const JsonReader reader(json, name_);
    if (reader.optional_string("format") != mark_of(OwnFile::kConversation)) {
      throw InputError(fmt::format("{}: not a conversation that /save wrote", name_));
    }
    reader.integer("version", kVersion, kVersion);
    SavedConversation conversation;
    conversation.system = text(reader, "system");
    conversation.number_images = reader.optional_bool("number_images");
    conversation.generation = defaults;
    if (reader.has("generation")) {
      read_generation(reader, conversation.generation);
      conversation.generation.form = read_form(json.at("generation"));
    }
    conversation.turns = read_list<SavedTurn>(
        json, "turns", "",
        [this](const auto& value, const std::string& place) { return read_turn(value, place); });
    return conversation;
  }

 private:
  std::string text(const JsonReader& reader, const char* key) const {
    return reader.optional_string(key).value_or("");
  }

  template <typename T, typename Read>
  std::vector<T> read_list(const nlohmann::json& parent, const char* key, const std::string& place,
                           const Read& read) const {
    std::vector<T> values;
    const auto list = parent.find(key);
    if (list == parent.end() || list->is_null()) return values;
    if (!list->is_array()) fail(place + key, "is not a list");
    for (const nlohmann::json& value : *list) {
      const std::string at = fmt::format("{}{}[{}]", place, key, values.size());
      if (!value.is_object()) fail(at, "is not an object");
      values.push_back(read(value, at + "."));
    }
    return values;
  }

  SavedTurn read_turn(const nlohmann::json& json, const std::string& place) const {
    const JsonReader reader(json, name_, place);
    SavedTurn turn;
    turn.question = text(reader, "question");
    turn.answer = text(reader, "answer");
    turn.media = read_list<MediumSource>(json, "media", place,
                                         [this](const auto& value, const std::string& at) {
                                           return read_medium(JsonReader(value, name_, at), at);
                                         });
    return turn;
  }

  MediumSource read_medium(const JsonReader& reader, const std::string& place) const {
    MediumSource medium;
    const std::string type = text(reader, "type");
    if (type != "image" && type != "video") fail(place + "type", "must be image or video");
    medium.is_video = type == "video";
    const std::string path = text(reader, "path");
    if (path.empty()) fail(place + "path", "is missing");
    medium.path = path_.parent_path() / path;  // an absolute path stays what it is
    medium.image.cut = reader.optional_bool("cut");
    medium.image.apply_exif_orientation =
        reader.optional_bool("exif").value_or(medium.image.apply_exif_orientation);
    medium.image.background = background(reader, place);
    medium.image.max_pixels =
        reader.optional_integer("max_pixels", 1, int64_t{1} << 40).value_or(kMaxPixels);
    VideoOptions& video = medium.video;
    video.max_pixels = medium.image.max_pixels;
    video.fps = reader.optional_number("fps", 1e-6, 1000).value_or(video.fps);
    video.max_frames =
        reader.optional_integer("max_frames", 1, int64_t{1} << 40).value_or(video.max_frames);
    video.sampling = sampling(reader, place);
    video.start_seconds =
        reader.optional_number("start", 0, kMaxSeconds).value_or(video.start_seconds);
    video.end_seconds = reader.optional_number("end", 0, kMaxSeconds).value_or(video.end_seconds);
    return medium;
  }

  std::optional<Colour> background(const JsonReader& reader, const std::string& place) const {
    const std::optional<std::string> text = reader.optional_string("background");
    if (!text) return std::nullopt;
    const std::optional<Colour> colour = parse_colour(*text);
    if (!colour) fail(place + "background", std::string("must be ") + kColourForms);
    return colour;
  }

  FrameSampling sampling(const JsonReader& reader, const std::string& place) const {
    const std::string name = text(reader, "sampling");
    if (name != "" && name != "time" && name != "official") {
      fail(place + "sampling", "must be time or official");
    }
    return name == "official" ? FrameSampling::kOfficial : FrameSampling::kTime;
  }

  void read_generation(const JsonReader& root, GenerationOptions& options) const {
    const JsonReader reader = root.object("generation");
    constexpr int64_t kMax = int64_t{1} << 40;
    options.do_sample = reader.optional_bool("do_sample").value_or(options.do_sample);
    options.temperature =
        reader.optional_number("temperature", 1e-6, 1e6).value_or(options.temperature);
    options.top_k = reader.optional_integer("top_k", 0, kMax).value_or(options.top_k);
    options.top_p = reader.optional_number("top_p", 1e-9, 1).value_or(options.top_p);
    options.min_p = reader.optional_number("min_p", 0, 1).value_or(options.min_p);
    options.repetition_penalty = reader.optional_number("repetition_penalty", 1e-6, 1e6)
                                     .value_or(options.repetition_penalty);
    options.seed = reader.optional_unsigned("seed").value_or(options.seed);
    options.max_new_tokens =
        reader.optional_integer("max_new_tokens", 1, kMax).value_or(options.max_new_tokens);
    options.num_beams = reader.optional_integer("num_beams", 1, 1024).value_or(options.num_beams);
    options.stop = reader.optional_strings("stop").value_or(options.stop);
    for (const std::string& text : options.stop) {
      if (text.empty()) fail("generation.stop", "holds an empty text, which would end any answer");
    }
  }

  /// Compiles it, so that what can't be kept to is told with the file's name.
  std::optional<AnswerForm> read_form(const nlohmann::json& generation) const {
    const JsonReader holder(generation, name_, "generation.");
    if (!holder.has("form")) return std::nullopt;
    const JsonReader reader = holder.object("form");
    AnswerForm form;
    if (reader.has("schema")) form.schema = generation.at("form").at("schema").dump();
    form.choices = reader.optional_strings("choices").value_or(form.choices);
    form.regex = text(reader, "regex");
    form.json = reader.optional_bool("json").value_or(false);
    try {
      AnswerGrammar grammar(form);
    } catch (const Error& error) {
      throw InputError(fmt::format("{}: generation.form: {}", name_, error.what()));
    }
    return form;
  }

  [[noreturn]] void fail(const std::string& place, std::string_view what) const {
    throw InputError(fmt::format("{}: {} {}", name_, place, what));
  }

  fs::path path_;
  std::string name_;
};

}  // namespace

void save_conversation(const fs::path& path, const SavedConversation& conversation) {
  for (const SavedTurn& turn : conversation.turns) {
    for (const MediumSource& medium : turn.media) {
      if (find_invalid_utf8(medium.path.string()) == std::string::npos) continue;
      throw InputError(fmt::format("{}: cannot be saved: the file name {} is not UTF-8",
                                   path.string(), with_replacements(medium.path.string())));
    }
  }
  using Dump = nlohmann::json::error_handler_t;
  AtomicFile file(path);
  file.write(to_json(conversation).dump(2, ' ', false, Dump::replace) + "\n");
  file.commit();
}

SavedConversation load_conversation(const fs::path& path, const GenerationOptions& defaults) {
  return Reader(path).read(defaults);
}

}  // namespace owl3
