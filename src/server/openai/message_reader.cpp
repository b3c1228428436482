#include "server/openai/message_reader.h"

#include <limits>

#include "core/error.h"
#include "server/openai/video_part.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

Role role_of(const Fields& fields) {
  const std::string role = fields.text("role").value_or("");
  if (role == "user") return Role::kUser;
  if (role == "assistant") return Role::kAssistant;
  if (role == "system" || role == "developer") return Role::kSystem;
  if (role == "tool" || role == "function") {
    fields.fail("role", fmt::format("{} is not supported: the model calls no tools", role));
  }
  fields.fail("role", "must be system, user or assistant");
}

/// {"type": "image_url", "image_url": URL or {"url": URL, "detail": HOW}}
void read_image(const Fields& fields, const std::string& place, QuestionBuilder& question,
                CompletionMessage& message) {
  const Json* given = fields.find("image_url");
  if (given == nullptr) fields.fail("image_url", "is missing");
  std::optional<bool> cut = read_detail(fields);
  const std::string* url = given->get_ptr<const std::string*>();
  if (given->is_object()) {
    const Fields image(*given, place + ".image_url.");
    if (image.find("detail") != nullptr) cut = read_detail(image);
    const Json* inner = image.find("url");
    url = inner == nullptr ? nullptr : inner->get_ptr<const std::string*>();
  }
  if (url == nullptr) fields.fail("image_url", "must be a URL, or an object with one");
  question.add_image(message, *url, cut, place);
}

/// {"type": "media", "media": NAME or {"id": NAME}}
std::string name_of_media(const Fields& fields, const std::string& place) {
  const Json* given = fields.find("media");
  if (given != nullptr && given->is_object()) {
    return Fields(*given, place + ".media.").text("id").value_or("");
  }
  return fields.text("media").value_or("");
}

}  // namespace

std::optional<bool> read_detail(const Fields& fields) {
  const std::string detail = fields.text("detail").value_or("auto");
  if (detail == "low") return false;
  if (detail == "high") return true;
  if (detail != "auto") fields.fail("detail", "must be low, high or auto");
  return std::nullopt;
}

void read_part(const Json& json, const std::string& place, const MessageReading& reading,
               CompletionMessage& message) {
  if (!json.is_object()) throw RequestError(400, place + " must be an object", place);
  const Fields fields(json, place + ".");
  const std::string type = fields.text("type").value_or("");
  if (type == "text" || type == "input_text" || type == "output_text") {
    const auto text = fields.text("text");
    if (!text) fields.fail("text", "is missing");
    message.parts.push_back({*text});
  } else if (type == "image_url" || type == "input_image") {
    read_image(fields, place, reading.question, message);
  } else if (is_video_part(type)) {
    read_video_part(fields, place, type, reading.video, reading.limits, reading.question, message);
  } else if (type == "media") {
    reading.question.add_known(message, name_of_media(fields, place), place);
  } else if (type.empty()) {
    fields.fail("type", "is missing");
  } else {
    throw RequestError(400,
                       fmt::format("{}.type {} is not supported; text, image_url and video_url are",
                                   place, Json(type).dump()),
                       place + ".type");
  }
}

void read_message(const Json& json, const std::string& place, const MessageReading& reading) {
  if (!json.is_object()) throw RequestError(400, place + " must be an object", place);
  const Fields fields(json, place + ".");
  CompletionMessage message{role_of(fields), {}};
  for (const char* name : {"tool_calls", "function_call"}) {
    const Json* calls = fields.find(name);
    if (calls != nullptr && !calls->empty()) fields.fail(name, "is not supported");
  }
  const Json* content = fields.find("content");
  if (content == nullptr) {
    if (message.role != Role::kAssistant) fields.fail("content", "is missing");
  } else if (content->is_string()) {
    message.parts.push_back({content->get<std::string>()});
  } else if (content->is_array()) {
    for (size_t i = 0; i < content->size(); ++i) {
      read_part((*content)[i], fmt::format("{}.content[{}]", place, i), reading, message);
    }
  } else {
    fields.fail("content", "must be a string, or a list of parts");
  }
  reading.question.add(std::move(message), place);
}

void refuse_tools(const Fields& fields) {
  for (const char* name : {"tools", "functions"}) {
    const Json* tools = fields.find(name);
    if (tools != nullptr && !(tools->is_array() && tools->empty())) {
      refuse_field(fields, name, "the model was not taught to call any");
    }
  }
  for (const char* name : {"tool_choice", "function_call"}) {
    const Json* choice = fields.find(name);
    if (choice != nullptr && *choice != "none" && *choice != "auto") {
      refuse_field(fields, name, "the model calls no tools");
    }
  }
}

void refuse_beams(const Fields& fields) {
  if (fields.boolean("use_beam_search").value_or(false)) {
    refuse_field(fields, "use_beam_search", "it is for the command line");
  }
}

void read_length(const Fields& fields, std::initializer_list<const char*> names,
                 Question& question) {
  for (const char* name : names) {
    const auto most = fields.integer(name, 1, std::numeric_limits<int64_t>::max());
    if (!most) continue;
    question.generation.max_new_tokens = *most;
    question.has_length = true;
  }
}

}  // namespace owl3::server
