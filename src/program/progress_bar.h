// One line on the terminal that tells how far long work is; nothing when stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

/// "12 / 30" of a stage as one line of at most `columns` columns, with rate and time left.
std::string progress_line(std::string_view stage, int64_t done, int64_t total, double seconds,
                          int columns);

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { erase(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Shows it, at most ten times a second, and not at all for work of a moment.
  void update(std::string_view stage, int64_t done, int64_t total);
  /// Takes the line away; the next update begins a new one.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_;
  bool shown_ = false;
  std::string stage_;  // as last told
  int64_t done_ = 0;
  int64_t total_ = -1;      // none told yet
  int64_t first_done_ = 0;  // where this work began, for its rate
  Clock::time_point start_;
  Clock::time_point stepped_;  // when the last step was done
  Clock::time_point next_;
};

}  // namespace owl3
