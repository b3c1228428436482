// A request to one of OpenAI's paths that are answered: what is asked, and how it is answered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/answer_form.h"
#include "server/question.h"
#include "server/served_model.h"

namespace owl3::server {

enum class OpenAiPath { kChat, kText, kResponses };

/// "/v1/models" and "/models" are one, with a slash behind them or not.
std::string_view without_version(std::string_view path);
/// Of a path with or without its version; nothing for another.
std::optional<OpenAiPath> openai_path(std::string_view path);

/// What an answer is filed under.
struct AnswerNumber {
  std::string digits;  // "chatcmpl-<digits>"
  int64_t created = 0;
};

struct OpenAiRequest {
  Question question;
  std::shared_ptr<AnswerForm> form;
};

/// Throws RequestError, also where the model is another.
OpenAiRequest read_openai_request(OpenAiPath path, std::string_view body, const ServedModel& model,
                                  const RequestContext& context, const RequestLimits& limits,
                                  const AnswerNumber& number);

/// Throws RequestError where a request asks for another model than the one that is served.
void check_model(const ServedModel& model, const std::string& asked);

}  // namespace owl3::server
