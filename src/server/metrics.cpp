#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace owl3::server {

namespace {

std::string head_of(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

}  // namespace

void Histogram::add(double seconds) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++counts_[static_cast<size_t>(bound - kBounds.begin())];
  sum_ += seconds;
}

std::string Histogram::text(std::string_view name, std::string_view help) const {
  std::string text = head_of(name, "histogram", help);
  int64_t count = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    count += counts_[i];
    text += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, kBounds[i], count);
  }
  count += counts_.back();
  text +=
      fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, count, sum_);
  return text;
}

std::string text_of(std::span<const Metric> metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    text += head_of(metric.name, metric.type, metric.help);
    text += fmt::format("{} {}\n", metric.name, metric.value);
  }
  return text;
}

void RequestMetrics::ended(const std::string& route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++ended_[{route, status}];
  seconds_.add(seconds);
}

void RequestMetrics::first_text(double seconds) {
  const std::lock_guard lock(mutex_);
  first_text_.add(seconds);
}

void RequestMetrics::next_text(double seconds) {
  const std::lock_guard lock(mutex_);
  between_texts_.add(seconds);
}

void RequestMetrics::answered(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  prompt_tokens_ += answer.prompt_tokens;
  cached_tokens_ += answer.prompt_tokens - answer.prefilled_tokens;
  written_tokens_ += answer.new_tokens;
  prefill_seconds_ += answer.prefill_seconds;
  decode_seconds_ += answer.decode_seconds;
}

std::string RequestMetrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string text =
      head_of("owl3_requests_total", "counter",
              "Requests that have ended, by path and status; 0: the client left before.");
  for (const auto& [key, count] : ended_) {
    text += fmt::format("owl3_requests_total{{path=\"{}\",status=\"{}\"}} {}\n", key.first,
                        key.second, count);
  }
  text += seconds_.text("owl3_e2e_request_latency_seconds",
                        "From a request's header to the end of its answer.");
  text += first_text_.text("owl3_time_to_first_token_seconds",
                           "From a request, once it is read, to the first text of its answer.");
  text += between_texts_.text("owl3_inter_token_latency_seconds",
                              "Between two pieces of an answer's text, a token each mostly.");
  const auto number = [](auto value) { return static_cast<double>(value); };
  const Metric metrics[] = {
      {"owl3_prompt_tokens_total", "counter", "Tokens of prompts that were answered.",
       number(prompt_tokens_)},
      {"owl3_cached_prompt_tokens_total", "counter",
       "Of those, found among conversations that were read before.", number(cached_tokens_)},
      {"owl3_generation_tokens_total", "counter", "Tokens written.", number(written_tokens_)},
      {"owl3_prefill_seconds_total", "counter",
       "Seconds in which prompts were read; of several at once, each.", prefill_seconds_},
      {"owl3_generation_seconds_total", "counter",
       "Seconds in which answers were written; of several at once, each.", decode_seconds_},
  };
  return text + text_of(metrics);
}

}  // namespace owl3::server
