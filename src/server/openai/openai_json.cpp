#include "server/openai/openai_json.h"

namespace owl3::server {

namespace {

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

double per_second(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

std::string written(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string quoted(const std::string& text) {
  return OrderedJson(text).dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
}

std::string event_of(const OrderedJson& json) {
  return "data: " + written(json) + "\n\n";
}

const char* finish_reason(StopReason reason) {
  return reason == StopReason::kLength ? "length" : "stop";
}

OrderedJson usage_of(std::span<const Answer> answers, size_t choices) {
  int64_t asked = 0;
  int64_t cached = 0;
  int64_t new_tokens = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    new_tokens += answers[i].new_tokens;
    if (i % choices != 0) continue;  // the same prompt again
    asked += answers[i].prompt_tokens;
    cached += answers[i].prompt_tokens - answers[i].prefilled_tokens;
  }
  return {{"prompt_tokens", asked},
          {"completion_tokens", new_tokens},
          {"total_tokens", asked + new_tokens},
          {"prompt_tokens_details", {{"cached_tokens", cached}}}};
}

OrderedJson timings_of(std::span<const Answer> answers, const MediaReport& media) {
  const Answer& first = answers.front();
  return {{"cache_n", first.prompt_tokens - first.prefilled_tokens},
          {"prompt_n", first.prefilled_tokens},
          {"prompt_ms", 1e3 * first.prefill_seconds},
          {"prompt_per_second", per_second(first.prefilled_tokens, first.prefill_seconds)},
          {"predicted_n", first.new_tokens},
          {"predicted_ms", 1e3 * first.decode_seconds},
          {"predicted_per_second", per_second(first.new_tokens, first.decode_seconds)},
          {"media",
           {{"images", media.images},
            {"encoded", media.encoded},
            {"ms", 1e3 * media.seconds},
            {"decode_ms", 1e3 * media.decode_seconds},
            {"encode_ms", 1e3 * media.encode_seconds}}}};
}

void add_warnings(const MediaReport& media, OrderedJson& json) {
  if (!media.warnings.empty()) json["warnings"] = media.warnings;
}

OrderedJson error_json(const RequestError& error) {
  OrderedJson inner = {{"message", error.what()}, {"type", type_of(error.status())}};
  inner["param"] = error.param().empty() ? OrderedJson() : OrderedJson(error.param());
  inner["code"] = error.code().empty() ? OrderedJson() : OrderedJson(error.code());
  return {{"error", std::move(inner)}};
}

http::Response error_response(const RequestError& error) {
  http::Response response{error.status(), "application/json", written(error_json(error)), {}};
  add_error_headers(error, response);
  return response;
}

OrderedJson model_object(const std::string& name, int64_t created) {
  return {{"id", name},
          {"object", "model"},
          {"created", created},
          {"owned_by", "owl3"},
          {"architecture",
           {{"input_modalities", {"text", "image", "video"}}, {"output_modalities", {"text"}}}}};
}

}  // namespace owl3::server
