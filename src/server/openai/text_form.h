// Answers of /v1/completions: whole, and as events of a stream.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/answer_form.h"
#include "server/openai/chat_form.h"

namespace owl3::server {

struct TextFormOptions {
  bool include_usage = false;  // in a stream
  bool logprobs = false;
  bool echo = false;   // the prompt stands before its answer
  size_t choices = 1;  // of each prompt
};

class TextForm final : public AnswerForm {
 public:
  /// `prompts` are texts, one for each that is asked.
  TextForm(ChatHead head, TextFormOptions options, std::vector<std::string> prompts);

  http::Response whole(std::span<const Answer> answers, const MediaReport& media) const override;
  http::Response failure(const RequestError& error) const override;
  http::Response stream_head(int64_t choices) const override;
  std::string text(int64_t choice, const AnswerPiece& piece) override;
  std::string stream_end(std::span<const Answer> answers, const MediaReport& media) override;
  std::string stream_failure(const RequestError& error) override;

 private:
  OrderedJson head() const;
  /// {"index", "text", "logprobs", "finish_reason"}, where the text is behind so many bytes of it.
  OrderedJson choice_json(int64_t choice, const AnswerPiece& piece, size_t behind,
                          OrderedJson reason) const;
  std::string echo_of(int64_t choice) const;

  const ChatHead head_;
  const TextFormOptions options_;
  const std::vector<std::string> prompts_;
  std::vector<size_t> sent_;  // bytes of each choice's tokens
};

}  // namespace owl3::server
