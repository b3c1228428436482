// What a person sees while a model is trained: one line that is drawn over again on a terminal, or
// plain lines in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace owl3 {

struct TrainingState {
  int64_t step = 0;  // steps done
  int64_t steps = 0;
  double loss = 0;
  double learning_rate = 0;
  double tokens_per_second = 0;
  double images_per_second = 0;
  double seconds_left = -1;  // negative: not known yet
};

/// "step 120/3000  ████░░  loss 1.234  lr 1.0e-03  5230 tokens/s  41 images/s  left 12:03", within
/// `columns`: the bar, then the rates are left out where there is no room.
std::string training_line(const TrainingState& state, int columns);
/// The same without a bar, whole.
std::string training_log_line(const TrainingState& state);

/// Where nothing can be written any more (a log on a full disk, a terminal that is gone), nothing
/// is shown: training goes on.
class TrainingProgress {
 public:
  /// On a terminal `columns` tells its width; without it, lines of a log are written.
  TrainingProgress(std::FILE* out, std::function<int()> columns);
  ~TrainingProgress() { erase(); }
  TrainingProgress(const TrainingProgress&) = delete;
  TrainingProgress& operator=(const TrainingProgress&) = delete;

  /// After every step. On a terminal the line is drawn at most ten times a second; in a log it
  /// stands where `logged` is set (every log_every steps).
  void update(const TrainingState& state, bool logged);
  /// On a terminal, what is done before the next step is; until the next update().
  void note(const std::string& text);
  /// A line that stays, above the progress line.
  void say(const std::string& text);
  void erase();

 private:
  void put(const std::string& text);

  using Clock = std::chrono::steady_clock;

  std::FILE* out_;
  std::function<int()> columns_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace owl3
