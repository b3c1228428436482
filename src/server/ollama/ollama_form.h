// What the server answers in Ollama's shapes: lines of JSON, errors, what it has.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "api/model_facts.h"
#include "server/answer_form.h"
#include "server/ollama/ollama_request.h"

namespace owl3::server {

class OllamaForm final : public AnswerForm {
 public:
  /// `model` is what the client calls it.
  OllamaForm(OllamaCall call, std::string model) : call_(call), model_(std::move(model)) {}

  http::Response whole(std::span<const Answer> answers, const MediaReport& media) const override;
  http::Response failure(const RequestError& error) const override;
  http::Response stream_head(int64_t choices) const override;
  std::string text(int64_t choice, const AnswerPiece& piece) override;
  std::string stream_end(std::span<const Answer> answers, const MediaReport& media) override;
  std::string stream_failure(const RequestError& error) override;

  /// To who asked nothing: the model is there, or, as far as that client goes, no more.
  http::Response loaded(bool unload) const;

 private:
  using Json = nlohmann::ordered_json;
  using Clock = std::chrono::steady_clock;
  Json line(std::string_view text, bool done) const;
  Json last_line(std::string_view text, const Answer& answer, const MediaReport& media) const;

  OllamaCall call_;
  std::string model_;
  Clock::time_point start_ = Clock::now();
};

http::Response ollama_error(const RequestError& error);

/// Of /api/tags, /api/ps and /api/show.
nlohmann::ordered_json ollama_tag(const std::string& name, const ModelFacts& facts,
                                  int64_t started);
nlohmann::ordered_json ollama_running(const std::string& name, const ModelFacts& facts,
                                      int64_t context_length);
nlohmann::ordered_json ollama_details(const ModelFacts& facts, const GenerationOptions& defaults,
                                      int64_t context_length, int64_t started);

}  // namespace owl3::server
