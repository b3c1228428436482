// Answers of /v1/chat/completions: whole, and as events of a stream.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/answer_form.h"
#include "server/evidence_json.h"
#include "server/openai/openai_json.h"

namespace owl3::server {

/// What an answer is filed under.
struct ChatHead {
  std::string id;  // "chatcmpl-..."
  int64_t created = 0;
  std::string model;
};

/// What of an answer is told.
struct ChatFormOptions {
  bool include_usage = false;  // in a stream
  bool progress = false;       // in a stream, of what is read before there is any text
  bool logprobs = false;
  std::optional<EvidenceWanted> evidence{};
};

class ChatForm final : public AnswerForm {
 public:
  ChatForm(ChatHead head, ChatFormOptions options) : head_(std::move(head)), options_(options) {}

  http::Response whole(std::span<const Answer> answers, const MediaReport& media) const override;
  http::Response failure(const RequestError& error) const override;
  http::Response stream_head(int64_t choices) const override;
  std::string text(int64_t choice, const AnswerPiece& piece) override;
  std::string progress(int64_t choice, const ReadingProgress& progress) const override;
  std::string stream_end(std::span<const Answer> answers, const MediaReport& media) override;
  std::string stream_failure(const RequestError& error) override;

 private:
  using Json = OrderedJson;
  Json head(const char* object) const;
  Json chunk(int64_t choice, Json delta, Json reason, Json logprobs = nullptr) const;
  void add_evidence(const Answer& answer, const MediaReport& media, Json& choice) const;

  ChatHead head_;
  ChatFormOptions options_;
};

}  // namespace owl3::server
