#include "server/ollama/ollama_request.h"

#include <limits>

#include "core/error.h"
#include "server/answer_format.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

/// "owlet:latest" is owlet.
std::string without_tag(std::string name) {
  constexpr std::string_view kLatest = ":latest";
  if (name.ends_with(kLatest)) name.resize(name.size() - kLatest.size());
  return name;
}

std::string model_of(const Fields& fields) {
  for (const char* name : {"model", "name"}) {
    if (const auto model = fields.text(name)) return *model;
  }
  return {};
}

bool is_off(const Json* field) {
  if (field == nullptr || (field->is_boolean() && !field->get<bool>())) return true;
  if (field->is_string()) return field->get<std::string>().empty();
  return field->is_structured() && field->empty();
}

void refuse_unsupported(const Fields& fields) {
  if (!is_off(fields.find("tools"))) {
    refuse_field(fields, "tools", "the model was not taught to call any");
  }
  if (!is_off(fields.find("think"))) refuse_field(fields, "think", "the model answers at once");
  if (!is_off(fields.find("template"))) {
    refuse_field(fields, "template", "the model has one of its own");
  }
  if (!is_off(fields.find("raw"))) {
    refuse_field(fields, "raw", "the prompt is put together as the model was taught it");
  }
  if (!is_off(fields.find("logprobs"))) {
    refuse_field(fields, "logprobs", "/v1/chat/completions tells them");
  }
  if (!is_off(fields.find("suffix"))) {
    refuse_field(fields, "suffix", "the model was not taught to fill in");
  }
}

void read_options(const Json& body, const RequestLimits& limits, Question& question) {
  const Json* given = Fields(body, "").object("options");
  if (given == nullptr) return;
  const Fields options(*given, "options.");
  read_sampling(options, limits, question);
  // Below 1: without a limit of its own.
  const int64_t most = std::numeric_limits<int64_t>::max();
  const int64_t tokens = options.integer("num_predict", -2, most).value_or(-1);
  if (tokens > 0) question.generation.max_new_tokens = tokens;
}

/// The images and films of a message.
void add_media(const Fields& fields, const VideoOptions& video, QuestionBuilder& question,
               CompletionMessage& message) {
  if (const Json* images = fields.list("images")) {
    for (size_t i = 0; i < images->size(); ++i) {
      const std::string* image = (*images)[i].get_ptr<const std::string*>();
      const std::string place = fmt::format("{}[{}]", fields.place_of("images"), i);
      if (image == nullptr) throw RequestError(400, place + " must be base64", place);
      question.add_image(message, *image, {}, place);
    }
  }
  const Json* films = fields.list("videos");  // owl3's own
  for (size_t i = 0; films != nullptr && i < films->size(); ++i) {
    const std::string* film = (*films)[i].get_ptr<const std::string*>();
    const std::string place = fmt::format("{}[{}]", fields.place_of("videos"), i);
    if (film == nullptr) throw RequestError(400, place + " must be base64", place);
    question.add_film(message, *film, video, place);
  }
}

Role role_of(const Fields& fields) {
  const std::string role = fields.text("role").value_or("");
  if (role == "user") return Role::kUser;
  if (role == "assistant") return Role::kAssistant;
  if (role == "system") return Role::kSystem;
  if (role == "tool") fields.fail("role", "tool is not supported: the model calls no tools");
  fields.fail("role", "must be system, user or assistant");
}

void read_chat(const Fields& fields, QuestionBuilder& builder, const VideoOptions& video,
               OllamaRequest& request) {
  const Json* messages = fields.list("messages");
  if (messages == nullptr || messages->empty()) {
    request.asks = false;
    return;
  }
  for (size_t i = 0; i < messages->size(); ++i) {
    const std::string place = fmt::format("messages[{}]", i);
    const Json& json = (*messages)[i];
    if (!json.is_object()) throw RequestError(400, place + " must be an object", place);
    const Fields of_message(json, place + ".");
    CompletionMessage message{role_of(of_message), {}};
    add_media(of_message, video, builder, message);
    message.parts.push_back({of_message.text("content").value_or("")});
    builder.add(std::move(message), place);
  }
}

void read_generate(const Fields& fields, QuestionBuilder& builder, const VideoOptions& video,
                   OllamaRequest& request) {
  const std::string prompt = fields.text("prompt").value_or("");
  if (prompt.empty() && is_off(fields.find("images")) && is_off(fields.find("videos"))) {
    request.asks = false;
    return;
  }
  if (!is_off(fields.find("context"))) {
    refuse_field(fields, "context", "send the conversation to /api/chat");
  }
  const std::string system = fields.text("system").value_or("");
  if (!system.empty()) builder.add({Role::kSystem, {{system}}}, "system");
  CompletionMessage message{Role::kUser, {}};
  add_media(fields, video, builder, message);
  message.parts.push_back({prompt});
  builder.add(std::move(message), "prompt");
}

/// 0, "0" or "0s": at once.
bool unloads(const Json* keep_alive) {
  if (keep_alive == nullptr) return false;
  if (keep_alive->is_number()) return keep_alive->get<double>() == 0;
  return *keep_alive == "0" || *keep_alive == "0s" || *keep_alive == "0m";
}

}  // namespace

OllamaRequest read_ollama_request(OllamaCall call, std::string_view body,
                                  const RequestContext& context, const RequestLimits& limits) {
  const Json json = parse_body(body);
  const Fields fields(json, "");
  OllamaRequest request;
  Question& question = request.question;
  question.place = call == OllamaCall::kChat ? "messages" : "prompt";
  question.generation = context.generation;
  request.called = model_of(fields);
  question.model = without_tag(request.called);
  if (question.model.empty()) fields.fail("model", "is missing");
  refuse_unsupported(fields);
  read_options(json, limits, question);
  question.generation.form = read_ollama_format(fields, context);
  question.stream = fields.boolean("stream").value_or(true);
  request.unload = unloads(fields.find("keep_alive"));
  QuestionBuilder builder(question, context, limits);
  if (call == OllamaCall::kChat) {
    read_chat(fields, builder, context.video, request);
  } else {
    read_generate(fields, builder, context.video, request);
  }
  return request;
}

std::string ollama_model_name(std::string_view body) {
  const Json json = parse_body(body);
  return without_tag(model_of(Fields(json, "")));
}

}  // namespace owl3::server
