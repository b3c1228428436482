#include "server/openai/openai_request.h"

#include <utility>
#include <vector>

#include "core/error.h"
#include "server/openai/chat_request.h"
#include "server/openai/openai_json.h"
#include "server/openai/responses_request.h"
#include "server/openai/text_request.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

ChatHead head_of(const char* prefix, const AnswerNumber& number, const ServedModel& model) {
  return {prefix + number.digits, number.created, model.name()};
}

std::vector<std::string> texts_of(const std::vector<PlainPrompt>& prompts, const Model& model) {
  std::vector<std::string> texts;
  for (const PlainPrompt& prompt : prompts) {
    texts.push_back(prompt.tokens.empty() ? prompt.text : text_of_tokens(model, prompt.tokens));
  }
  return texts;
}

}  // namespace

std::string_view without_version(std::string_view path) {
  constexpr std::string_view kVersion = "/v1/";
  if (path.starts_with(kVersion)) path.remove_prefix(kVersion.size() - 1);
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::optional<OpenAiPath> openai_path(std::string_view path) {
  path = without_version(path);
  if (path == "/chat/completions") return OpenAiPath::kChat;
  if (path == "/completions") return OpenAiPath::kText;
  if (path == "/responses") return OpenAiPath::kResponses;
  return std::nullopt;
}

OpenAiRequest read_openai_request(OpenAiPath path, std::string_view body, const ServedModel& model,
                                  const RequestContext& context, const RequestLimits& limits,
                                  const AnswerNumber& number) {
  if (path == OpenAiPath::kChat) {
    ChatRequest request = read_chat_request(body, context, limits);
    check_model(model, request.question.model);
    return {std::move(request.question),
            std::make_shared<ChatForm>(head_of("chatcmpl-", number, model), request.form)};
  }
  if (path == OpenAiPath::kText) {
    TextRequest request = read_text_request(body, context, limits);
    check_model(model, request.question.model);
    std::vector<std::string> prompts = texts_of(request.question.plain, model.model());
    return {std::move(request.question),
            std::make_shared<TextForm>(head_of("cmpl-", number, model), request.form,
                                       std::move(prompts))};
  }
  ResponsesRequest request = read_responses_request(body, context, limits);
  check_model(model, request.question.model);
  return {
      std::move(request.question),
      std::make_shared<ResponsesForm>(head_of("resp_", number, model), std::move(request.form))};
}

void check_model(const ServedModel& model, const std::string& asked) {
  if (asked.empty() || model.is_called(asked)) return;
  throw RequestError(
      404, fmt::format("there is no model {}; this server has {}", quoted(asked), model.name()),
      "model", "model_not_found");
}

}  // namespace owl3::server
