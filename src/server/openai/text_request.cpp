#include "server/openai/text_request.h"

#include <limits>

#include "core/error.h"
#include "server/answer_format.h"
#include "server/fields.h"
#include "server/openai/message_reader.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

/// OpenAI's, who would write so little to who doesn't say.
constexpr int64_t kDefaultTokens = 16;
constexpr int64_t kMostLogprobs = 5;

bool is_token(const Json& json) {
  return json.is_number_integer() && json >= 0 && json <= std::numeric_limits<int32_t>::max();
}

PlainPrompt read_tokens(const Json& list, const Fields& fields) {
  PlainPrompt prompt;
  for (const Json& token : list) {
    if (!is_token(token)) fields.fail("prompt", "has a token that is no whole number");
    prompt.tokens.push_back(token.get<int32_t>());
  }
  return prompt;
}

PlainPrompt read_prompt(const Json& json, const Fields& fields) {
  PlainPrompt prompt;
  if (json.is_string()) {
    prompt.text = json.get<std::string>();
  } else if (json.is_array()) {
    prompt = read_tokens(json, fields);
  } else {
    fields.fail("prompt", "must be texts, or lists of tokens");
  }
  if (prompt.text.empty() && prompt.tokens.empty()) fields.fail("prompt", "is empty");
  return prompt;
}

void read_prompts(const Fields& fields, const RequestLimits& limits, Question& question) {
  const Json* given = fields.find("prompt");
  if (given == nullptr) fields.fail("prompt", "is missing");
  const bool several = given->is_array() && !given->empty() && !is_token(given->front());
  if (!several) return question.plain.push_back(read_prompt(*given, fields));
  if (std::ssize(*given) * question.choices > limits.answers) {
    fields.fail("prompt",
                fmt::format("has {} texts, of which {} answers each are wanted; the limit "
                            "is {} answers in all",
                            given->size(), question.choices, limits.answers));
  }
  for (const Json& one : *given) question.plain.push_back(read_prompt(one, fields));
}

void refuse_unsupported(const Fields& fields) {
  const Json* suffix = fields.find("suffix");
  if (suffix != nullptr && *suffix != "") {
    refuse_field(fields, "suffix", "the model was not taught to fill in");
  }
  if (fields.integer("best_of", 1, std::numeric_limits<int64_t>::max()).value_or(1) > 1) {
    refuse_field(fields, "best_of", "ask for n, and choose");
  }
  refuse_beams(fields);
  for (const char* name : {"logit_bias", "grammar", "lora"}) {
    const Json* field = fields.find(name);
    if (field != nullptr && !field->empty()) refuse_field(fields, name, "not yet");
  }
}

void read_told(const Fields& fields, TextRequest& request) {
  request.form.echo = fields.boolean("echo").value_or(false);
  const auto likeliest = fields.integer("logprobs", 0, kMostLogprobs);
  if (!likeliest) return;
  if (request.form.echo) {
    refuse_field(fields, "logprobs", "with echo; those of a prompt's tokens are not computed");
  }
  request.form.logprobs = true;
  request.question.generation.likeliest = *likeliest;
  request.question.generation.num_beams = 1;
}

}  // namespace

TextRequest read_text_request(std::string_view body, const RequestContext& context,
                              const RequestLimits& limits) {
  const Json json = parse_body(body);
  const Fields fields(json, "");
  TextRequest request;
  Question& question = request.question;
  question.place = "prompt";
  question.generation = context.generation;
  question.model = fields.text("model").value_or("");
  refuse_unsupported(fields);
  read_sampling(fields, limits, question);
  question.generation.max_new_tokens = kDefaultTokens;
  read_length(fields, {"max_tokens"}, question);
  question.generation.form = read_form(fields, context);
  question.choices = fields.integer("n", 1, limits.choices).value_or(1);
  question.stream = fields.boolean("stream").value_or(false);
  if (const Json* options = fields.object("stream_options")) {
    request.form.include_usage =
        Fields(*options, "stream_options.").boolean("include_usage").value_or(false);
  }
  read_told(fields, request);
  read_prompts(fields, limits, question);
  request.form.choices = static_cast<size_t>(question.choices);
  return request;
}

}  // namespace owl3::server
