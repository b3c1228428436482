// What a run writes and shows beside its checkpoints and its model: metrics, events, lines of
// progress. None of it is worth the run.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runs/event_file.h"
#include "runs/metrics.h"
#include "runs/run_folder.h"
#include "runs/training_progress.h"

namespace owl3 {

/// Work that must not cost the run: what went wrong in it is told at once and remembered.
class Failures {
 public:
  /// `tell` shows a line.
  explicit Failures(std::function<void(const std::string&)> tell) : tell_(std::move(tell)) {}

  /// Does the work, called `what` ("saving checkpoint-10"). False when it threw.
  bool attempt(const std::string& what, const std::function<void()>& work);
  /// Notes that it went wrong. What goes wrong again in the same way is told once.
  void note(const std::string& what, const std::string& message);
  /// "validation failed: ...; writing metrics failed (3 times): ..."; empty when nothing did.
  std::string summary() const;

 private:
  struct Failure {
    std::string what;
    std::string message;  // of the last time
    int64_t times = 0;
  };

  std::function<void(const std::string&)> tell_;
  std::vector<Failure> failures_;  // in the order of their first times
};

/// The first process's; the others have none but the folder's name, and tell failures of theirs.
class RunOutput {
 public:
  /// Opens the run's folder where `first`. `columns` as of TrainingProgress.
  RunOutput(const std::filesystem::path& path, bool first, bool resume,
            std::function<int()> columns);

  const std::filesystem::path& path() const { return path_; }
  /// nullptr where it is not the first process's.
  RunFolder* folder() { return folder_.get(); }
  Failures& failures() { return failures_; }

  /// Writes recipe.yaml; metrics are written from `step` on. Throws InputError.
  void begin(int64_t step, const nlohmann::ordered_json& recipe);
  /// A line of metrics, and the same as an event. Does not throw.
  void write(int64_t step, const std::vector<Scalar>& scalars);

  /// A line, of the first process.
  void say(const std::string& text);
  /// A line, of any process.
  void tell(const std::string& text) { progress_.say(text); }
  void show(const TrainingState& state, bool logged);
  /// What a step does that takes long, on a terminal.
  void note(const std::string& text);

  /// Work of the current interval between two lines of metrics.
  void count(double tokens, double images);
  double tokens_per_second() const { return tokens_ / seconds(); }
  double images_per_second() const { return images_ / seconds(); }
  double seconds_per_step() const;
  void end_interval();
  /// After work that is no training, which the rates don't count.
  void begin_interval();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const;

  std::filesystem::path path_;
  std::unique_ptr<RunFolder> folder_;
  std::unique_ptr<MetricsFile> metrics_;
  std::unique_ptr<EventFile> events_;  // from the first write on
  int64_t first_step_ = 0;
  TrainingProgress progress_;
  Failures failures_;
  Clock::time_point interval_begin_ = Clock::now();
  double tokens_ = 0;
  double images_ = 0;
  int64_t steps_ = 0;
};

}  // namespace owl3
