// Answers of /v1/responses: whole, and as the events that OpenAI names, in its order.
#pragma once

#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "server/answer_form.h"
#include "server/openai/chat_form.h"
#include "server/openai/openai_json.h"

namespace owl3::server {

/// What an answer repeats of its request.
struct ResponsesFormOptions {
  std::optional<std::string> instructions{};
  OrderedJson metadata = OrderedJson::object();
  OrderedJson max_output_tokens{};
  double temperature = 1;
  double top_p = 1;
  bool logprobs = false;
  OrderedJson format = {{"type", "text"}};
};

class ResponsesForm final : public AnswerForm {
 public:
  /// `head.id` is "resp_...".
  ResponsesForm(ChatHead head, ResponsesFormOptions options);

  http::Response whole(std::span<const Answer> answers, const MediaReport& media) const override;
  http::Response failure(const RequestError& error) const override;
  http::Response stream_head(int64_t choices) const override;
  std::string text(int64_t choice, const AnswerPiece& piece) override;
  std::string stream_end(std::span<const Answer> answers, const MediaReport& media) override;
  std::string stream_failure(const RequestError& error) override;

 private:
  OrderedJson response(const char* status) const;
  OrderedJson ended(const Answer& answer, const MediaReport& media) const;
  OrderedJson message(const char* status) const;
  OrderedJson part(const Answer& answer) const;
  OrderedJson in_message(const char* type) const;
  std::string event(OrderedJson json);

  const ChatHead head_;
  const ResponsesFormOptions options_;
  const std::string message_id_;
  /// Of the next event. Those of the stream's head have the first ones, whenever it is written.
  std::atomic<int64_t> next_number_;
};

}  // namespace owl3::server
