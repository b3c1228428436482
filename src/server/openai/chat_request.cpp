#include "server/openai/chat_request.h"

#include <limits>

#include "core/error.h"
#include "server/answer_format.h"
#include "server/openai/message_reader.h"
#include "server/openai/video_part.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

/// Fields that would change the answer, and can't: refused rather than ignored.
void refuse_unsupported(const Fields& fields) {
  refuse_tools(fields);
  for (const char* name : {"logit_bias", "audio", "grammar", "lora"}) {
    const Json* field = fields.find(name);
    if (field != nullptr && !field->empty()) refuse_field(fields, name, "not yet");
  }
  if (fields.integer("best_of", 1, std::numeric_limits<int64_t>::max()).value_or(1) > 1) {
    refuse_field(fields, "best_of", "ask for n, and choose");
  }
  refuse_beams(fields);
}

/// logprobs, top_logprobs and attribution: what is told beside the answer.
void read_told(const Fields& fields, ChatRequest& request) {
  GenerationOptions& generation = request.question.generation;
  const auto top = fields.integer("top_logprobs", 0, kMaxLikeliest);
  request.form.logprobs = fields.boolean("logprobs").value_or(false);
  if (request.form.logprobs) {
    generation.likeliest = top.value_or(0);
    generation.num_beams = 1;
  } else if (top) {
    fields.fail("top_logprobs", "needs logprobs to be true");
  }
  request.form.evidence = read_evidence_wanted(fields);
  if (request.form.evidence) generation.evidence = {request.form.evidence->heat_maps};
}

}  // namespace

SentMedium read_media_part(std::string_view body, const RequestContext& context,
                           const RequestLimits& limits) {
  const Json json = parse_body(body);
  Question question;
  QuestionBuilder builder(question, context, limits);
  CompletionMessage message;
  read_part(json, "part", {builder, limits, context.video}, message);
  if (question.media.size() != 1) {
    throw RequestError(400, "part must be one image or film: image_url or video_url", "part");
  }
  return std::move(question.media.front());
}

ChatRequest read_chat_request(std::string_view body, const RequestContext& context,
                              const RequestLimits& limits) {
  const Json json = parse_body(body);
  const Fields fields(json, "");
  ChatRequest request;
  Question& question = request.question;
  question.place = "messages";
  question.generation = context.generation;
  question.model = fields.text("model").value_or("");
  refuse_unsupported(fields);
  read_sampling(fields, limits, question);
  read_length(fields, {"max_tokens", "max_completion_tokens"}, question);
  question.generation.form = read_form(fields, context);
  read_told(fields, request);
  question.choices = fields.integer("n", 1, limits.choices).value_or(1);
  question.stream = fields.boolean("stream").value_or(false);
  if (const Json* options = fields.object("stream_options")) {
    request.form.include_usage =
        Fields(*options, "stream_options.").boolean("include_usage").value_or(false);
  }
  request.form.progress = fields.boolean("return_progress").value_or(false);
  const Json* messages = fields.list("messages");
  if (messages == nullptr || messages->empty()) {
    fields.fail("messages", "must be a list of messages");
  }
  QuestionBuilder builder(question, context, limits);
  const MessageReading reading{builder, limits, video_options_of(fields, context.video, limits)};
  for (size_t i = 0; i < messages->size(); ++i) {
    read_message((*messages)[i], fmt::format("messages[{}]", i), reading);
  }
  return request;
}

}  // namespace owl3::server
