// What the server counts, in Prometheus' text form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "owl3/chat.h"

namespace owl3::server {

/// Of seconds, within fixed bounds.
class Histogram {
 public:
  void add(double seconds);
  /// Lines of a metric, its HELP and TYPE among them.
  std::string text(std::string_view name, std::string_view help) const;

  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                         0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0, 300.0};

 private:
  std::array<int64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

/// One line of what is told as it is at the moment.
struct Metric {
  const char* name;
  const char* type;  // "gauge" or "counter"
  const char* help;
  double value;
};
std::string text_of(std::span<const Metric> metrics);

/// Of requests since the start. Of any thread.
class RequestMetrics {
 public:
  /// `route` is one of few, however many paths clients make up; status 0: the client left.
  void ended(const std::string& route, int status, double seconds);
  void first_text(double seconds);
  void next_text(double seconds);
  void answered(const Answer& answer);

  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, int64_t> ended_;
  Histogram seconds_;
  Histogram first_text_;
  Histogram between_texts_;
  int64_t prompt_tokens_ = 0;
  int64_t cached_tokens_ = 0;
  int64_t written_tokens_ = 0;
  double prefill_seconds_ = 0;
  double decode_seconds_ = 0;
};

}  // namespace owl3::server
