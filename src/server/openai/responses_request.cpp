#include "server/openai/responses_request.h"

#include "core/error.h"
#include "server/answer_format.h"
#include "server/fields.h"
#include "server/openai/message_reader.h"
#include "server/openai/video_part.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

void refuse_unsupported(const Fields& fields) {
  refuse_tools(fields);
  for (const char* name : {"previous_response_id", "conversation"}) {
    if (fields.find(name) != nullptr) {
      refuse_field(fields, name,
                   "nothing is kept between requests; send the conversation as input, of which "
                   "what was read before costs nothing");
    }
  }
  if (fields.find("prompt") != nullptr) refuse_field(fields, "prompt", "there are no templates");
  for (const char* name :
       {"guided_json", "guided_choice", "guided_regex", "guided_grammar", "structured_outputs"}) {
    if (fields.find(name) != nullptr) refuse_field(fields, name, "text.format is");
  }
  refuse_beams(fields);
  if (fields.boolean("background").value_or(false)) {
    refuse_field(fields, "background", "an answer is for who waits for it");
  }
}

/// The form of the answer, which comes back with it.
void read_text_format(const Fields& fields, const RequestContext& context,
                      ResponsesRequest& request) {
  const Json* text = fields.object("text");
  if (text == nullptr) return;
  const Fields inner(*text, "text.");
  request.question.generation.form = read_openai_format(inner, "format", context);
  if (const Json* format = inner.object("format")) request.form.format = *format;
}

/// Whether it lists the likelihoods of an answer's tokens; what else it may list there is not.
bool includes_logprobs(const Fields& fields) {
  const Json* include = fields.list("include");
  if (include == nullptr) return false;
  for (const Json& what : *include) {
    if (what == "message.output_text.logprobs") return true;
  }
  return false;
}

void read_told(const Fields& fields, ResponsesRequest& request) {
  const auto top = fields.integer("top_logprobs", 0, kMaxLikeliest);
  request.form.logprobs = includes_logprobs(fields);
  if (!request.form.logprobs) return;
  request.question.generation.likeliest = top.value_or(0);
  request.question.generation.num_beams = 1;
}

/// What comes back with the answer, within OpenAI's bounds.
void read_metadata(const Fields& fields, ResponsesFormOptions& form) {
  constexpr size_t kMostEntries = 16;
  constexpr size_t kLongest = 512;
  const Json* metadata = fields.object("metadata");
  if (metadata == nullptr) return;
  for (const auto& [name, value] : metadata->items()) {
    const bool fits = name.size() <= kLongest && value.is_string() &&
                      value.get_ref<const std::string&>().size() <= kLongest;
    if (!fits || metadata->size() > kMostEntries) {
      fields.fail("metadata", fmt::format("must be at most {} texts of at most {} bytes",
                                          kMostEntries, kLongest));
    }
  }
  form.metadata = *metadata;
}

/// A message, with or without its type; what else stands in an input belongs to tools.
void read_item(const Json& json, const std::string& place, const MessageReading& reading) {
  if (!json.is_object()) throw RequestError(400, place + " must be an object", place);
  const std::string type = Fields(json, place + ".").text("type").value_or("message");
  if (type == "reasoning") return;  // another model's: nothing that was said
  if (type != "message") {
    throw RequestError(
        400, fmt::format("{}.type {} is not supported; message is", place, Json(type).dump()),
        place + ".type");
  }
  read_message(json, place, reading);
}

void read_input(const Fields& fields, const MessageReading& reading) {
  const Json* input = fields.find("input");
  if (input == nullptr) fields.fail("input", "is missing");
  if (input->is_string()) {
    return reading.question.add({Role::kUser, {{input->get<std::string>()}}}, "input");
  }
  if (!input->is_array() || input->empty()) {
    fields.fail("input", "must be a text, or a list of messages");
  }
  for (size_t i = 0; i < input->size(); ++i) {
    read_item((*input)[i], fmt::format("input[{}]", i), reading);
  }
}

}  // namespace

ResponsesRequest read_responses_request(std::string_view body, const RequestContext& context,
                                        const RequestLimits& limits) {
  const Json json = parse_body(body);
  const Fields fields(json, "");
  ResponsesRequest request;
  Question& question = request.question;
  question.place = "input";
  question.generation = context.generation;
  question.model = fields.text("model").value_or("");
  refuse_unsupported(fields);
  read_sampling(fields, limits, question);
  read_length(fields, {"max_output_tokens"}, question);
  read_told(fields, request);
  read_text_format(fields, context, request);
  question.stream = fields.boolean("stream").value_or(false);
  QuestionBuilder builder(question, context, limits);
  const MessageReading reading{builder, limits, video_options_of(fields, context.video, limits)};
  if (const auto instructions = fields.text("instructions")) {
    builder.add({Role::kSystem, {{*instructions}}}, "instructions");
    request.form.instructions = *instructions;
  }
  read_input(fields, reading);
  read_metadata(fields, request.form);
  request.form.max_output_tokens =
      question.has_length ? OrderedJson(question.generation.max_new_tokens) : OrderedJson();
  request.form.temperature = question.generation.do_sample ? question.generation.temperature : 0;
  request.form.top_p = question.generation.top_p;
  return request;
}

}  // namespace owl3::server
