#include "server/ollama/ollama_form.h"

#include <fmt/chrono.h>

#include <span>

#include "core/sha.h"

namespace owl3::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kArchitecture = "mplug_owl3";

/// Whatever is in it, it is UTF-8.
std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int64_t nanoseconds(double seconds) {
  return static_cast<int64_t>(1e9 * seconds);
}

std::string now() {
  using std::chrono::microseconds;
  const auto time = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", time);
}

std::string time_text(int64_t unix_time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     std::chrono::system_clock::time_point(std::chrono::seconds(unix_time)));
}

/// Files of several precisions have none that is true of all of it: the bits of a weight, on
/// average.
std::string precision_of(const ModelFacts& facts) {
  return fmt::format("{:.1f} bits", 8.0 * static_cast<double>(facts.weight_bytes) /
                                        static_cast<double>(facts.parameters));
}

std::string size_of(const ModelFacts& facts) {
  const auto parameters = static_cast<double>(facts.parameters);
  return parameters >= 1e9 ? fmt::format("{:.1f}B", 1e-9 * parameters)
                           : fmt::format("{:.1f}M", 1e-6 * parameters);
}

Json model_details(const ModelFacts& facts) {
  Json families = Json::array();
  families.push_back(kArchitecture);
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", kArchitecture},
          {"families", std::move(families)},
          {"parameter_size", size_of(facts)},
          {"quantization_level", precision_of(facts)}};
}

/// Ollama's is that of the file. It need only be another for another model.
std::string digest_of(const std::string& name, const ModelFacts& facts) {
  Sha256 hash;
  const std::string text = fmt::format("{} {} {}", name, facts.parameters, facts.weight_bytes);
  hash.add(std::as_bytes(std::span(text)));
  std::string digits;
  for (const auto byte : hash.finish()) {
    digits += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  return digits;
}

}  // namespace

OllamaForm::Json OllamaForm::line(std::string_view text, bool done) const {
  Json json = {{"model", model_}, {"created_at", now()}};
  if (call_ == OllamaCall::kChat) {
    json["message"] = {{"role", "assistant"}, {"content", text}};
  } else {
    json["response"] = text;
  }
  json["done"] = done;
  return json;
}

OllamaForm::Json OllamaForm::last_line(std::string_view text, const Answer& answer,
                                       const MediaReport& media) const {
  Json json = line(text, true);
  json["done_reason"] = answer.stop_reason == StopReason::kLength ? "length" : "stop";
  json["total_duration"] =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
  json["load_duration"] = nanoseconds(media.seconds);
  json["prompt_eval_count"] = answer.prompt_tokens;
  json["prompt_eval_duration"] = nanoseconds(answer.prefill_seconds);
  json["eval_count"] = answer.new_tokens;
  json["eval_duration"] = nanoseconds(answer.decode_seconds);
  if (!media.warnings.empty()) json["warnings"] = media.warnings;
  return json;
}

http::Response OllamaForm::whole(std::span<const Answer> answers, const MediaReport& media) const {
  const Answer& answer = answers.front();
  return {200, "application/json", written(last_line(answer.text, answer, media)), {}};
}

http::Response OllamaForm::failure(const RequestError& error) const {
  return ollama_error(error);
}

http::Response OllamaForm::stream_head(int64_t) const {
  return {200, "application/x-ndjson", {}, {}};
}

std::string OllamaForm::text(int64_t, const AnswerPiece& piece) {
  return written(line(piece.text, false)) + "\n";
}

std::string OllamaForm::stream_end(std::span<const Answer> answers, const MediaReport& media) {
  return written(last_line("", answers.front(), media)) + "\n";
}

std::string OllamaForm::stream_failure(const RequestError& error) {
  Json json = Json::object();
  json["error"] = error.what();
  return written(json) + "\n";
}

http::Response OllamaForm::loaded(bool unload) const {
  Json json = line("", true);
  json["done_reason"] = unload ? "unload" : "load";
  return {200, "application/json", written(json), {}};
}

http::Response ollama_error(const RequestError& error) {
  Json json = Json::object();
  json["error"] = error.what();
  http::Response response{error.status(), "application/json", written(json), {}};
  add_error_headers(error, response);
  return response;
}

nlohmann::ordered_json ollama_tag(const std::string& name, const ModelFacts& facts,
                                  int64_t started) {
  return {{"name", name + ":latest"},          {"model", name + ":latest"},
          {"modified_at", time_text(started)}, {"size", facts.weight_bytes},
          {"digest", digest_of(name, facts)},  {"details", model_details(facts)}};
}

nlohmann::ordered_json ollama_running(const std::string& name, const ModelFacts& facts,
                                      int64_t context_length) {
  return {{"name", name + ":latest"},
          {"model", name + ":latest"},
          {"size", facts.weight_bytes},
          {"digest", digest_of(name, facts)},
          {"details", model_details(facts)},
          {"expires_at", "2318-01-01T00:00:00Z"},  // it stays
          {"size_vram", 0},
          {"context_length", context_length}};
}

nlohmann::ordered_json ollama_details(const ModelFacts& facts, const GenerationOptions& defaults,
                                      int64_t context_length, int64_t started) {
  Json info = {{"general.architecture", kArchitecture},
               {"general.parameter_count", facts.parameters}};
  const std::string prefix = std::string(kArchitecture) + ".";
  info[prefix + "context_length"] = context_length;
  info[prefix + "block_count"] = facts.layers;
  info[prefix + "embedding_length"] = facts.hidden_size;
  info[prefix + "vocab_size"] = facts.vocabulary;
  Json capabilities = Json::array();
  for (const char* capability : {"completion", "vision"}) capabilities.push_back(capability);
  return {{"modelfile", ""},
          {"parameters", fmt::format("temperature {}\ntop_k {}\ntop_p {}\nrepeat_penalty {}",
                                     defaults.temperature, defaults.top_k, defaults.top_p,
                                     defaults.repetition_penalty)},
          {"template", "{{ .Prompt }}"},
          {"details", model_details(facts)},
          {"model_info", std::move(info)},
          {"capabilities", std::move(capabilities)},
          {"modified_at", time_text(started)}};
}

}  // namespace owl3::server
