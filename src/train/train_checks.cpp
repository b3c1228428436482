#include "train/train_checks.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "core/byte_text.h"
#include "core/error.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "train/run_checkpoint.h"

namespace owl3::train {

namespace {

/// Before a run, so many rows are read, for so long at most. What lies beyond, training finds.
constexpr int64_t kRowsReadBefore = 4000;
constexpr std::chrono::seconds kTimeToRead{10};

/// False when the time is over, or somebody asked for the end.
std::function<bool()> time_to_read(const InterruptGuard& interrupts) {
  return [&interrupts, end = std::chrono::steady_clock::now() + kTimeToRead] {
    return !interrupts.interrupted() && std::chrono::steady_clock::now() < end;
  };
}

/// Whether the broken rows that were found are more than the recipe lets pass.
bool too_many_broken(const Recipe& recipe, int64_t broken, int64_t rows) {
  const double share = recipe.on_broken == OnBroken::kSkip ? recipe.max_broken : 0;
  return static_cast<double>(broken) > share * static_cast<double>(rows);
}

/// Shows how far a check is, and ends it when somebody asks.
class CheckProgress {
 public:
  CheckProgress(const char* stage, bool shown, const InterruptGuard& interrupts)
      : stage_(stage), shown_(shown), interrupts_(interrupts) {}

  bool operator()(int64_t done, int64_t total) {
    const bool go_on = !interrupts_.interrupted();
    if (shown_) bar_.update(stage_, done, total);
    if (done == total || !go_on) bar_.erase();
    return go_on;
  }
  void erase() { bar_.erase(); }

 private:
  const char* stage_;
  bool shown_;
  const InterruptGuard& interrupts_;
  ProgressBar bar_;
};

/// What a check found, its first broken rows by name. Throws Interrupted when it was ended.
void print_check(const char* key, const StreamCheckReport& report) {
  for (const std::string& error : report.errors) fmt::print("{}\n", error);
  fmt::print("{:<13} {} rows: {} broken, {} longer than a row of the batch\n", key, report.rows,
             report.broken, report.too_long);
  if (const std::string note = media_lines_note(report.media_lines); !note.empty()) {
    fmt::print("warning: {}: {}\n", key, note);
  }
  std::fflush(stdout);
  if (!report.whole) throw Interrupted("interrupted");
}

}  // namespace

void check_room(const Recipe& recipe, TrainingTask& task) {
  int64_t trained = 0;
  for (const NamedParameter& parameter : task.parameters()) trained += parameter.tensor.numel();
  const int64_t state_bytes = trained * 3 * static_cast<int64_t>(sizeof(float));
  const int64_t needed = state_bytes + task.saved_bytes() + task.saved_final_bytes();
  std::filesystem::path there = std::filesystem::absolute(recipe.output).lexically_normal();
  std::error_code error;
  while (!std::filesystem::exists(there, error) && there.has_relative_path()) {
    there = there.parent_path();
  }
  const std::filesystem::space_info space = std::filesystem::space(there, error);
  if (error || space.available >= static_cast<uintmax_t>(needed)) return;
  throw InputError(
      fmt::format("{}: a checkpoint and the model take {}, and {} are free; free more, or choose "
                  "another output",
                  recipe.output, byte_text(needed), byte_text(space.available)));
}

void check_all_rows(const Recipe& recipe, TrainingTask& task, bool quick,
                    const InterruptGuard& interrupts) {
  StreamCheckOptions options;
  options.decode = !quick;
  std::string failure;
  const auto look = [&](const char* key, const StreamCheckReport& report) {
    print_check(key, report);
    if (too_many_broken(recipe, report.broken, report.rows)) {
      failure = fmt::format("{}: {} of {} rows are broken", key, report.broken, report.rows);
    } else if (report.broken + report.too_long == report.rows) {
      failure = fmt::format(
          "{}: no row can be used: all are broken or longer than batch.tokens or "
          "batch.images",
          key);
    }
  };
  CheckProgress of_data("checking data", true, interrupts);
  options.go_on = std::ref(of_data);
  look("data", task.check_data(options));
  if (!recipe.validation.data.empty()) {
    CheckProgress of_validation("checking validation", true, interrupts);
    options.go_on = std::ref(of_validation);
    look("validation", task.check_validation(options));
  }
  if (!failure.empty()) throw InputError(failure);
}

void check_data(const Recipe& recipe, TrainingTask& task, const Launch& launch,
                Processes& processes, const InterruptGuard& interrupts) {
  if (recipe.on_broken == OnBroken::kSkip) return;
  CheckProgress progress("checking data", launch.rank == 0, interrupts);
  StreamCheckOptions options;
  options.decode = false;
  options.most_rows = kRowsReadBefore;
  options.rank = launch.rank;
  options.world = launch.world;
  options.go_on = [&, in_time = time_to_read(interrupts)](int64_t done, int64_t total) {
    return in_time() ? progress(done, total) : (progress.erase(), false);
  };
  const StreamCheckReport report = task.check_data(options);
  for (const std::string& error : report.errors) tell(error + "\n");
  const std::vector<double> sums = processes.sums_of(
      {static_cast<double>(report.rows), static_cast<double>(report.broken),
       interrupts.interrupted() ? 1.0 : 0.0, static_cast<double>(report.media_lines.rows),
       static_cast<double>(report.media_lines.joined),
       static_cast<double>(report.media_lines.empty_line)});
  if (sums[2] > 0) throw Interrupted("interrupted");
  const std::string note =
      media_lines_note({static_cast<int64_t>(sums[3]), static_cast<int64_t>(sums[4]),
                        static_cast<int64_t>(sums[5])});
  if (launch.rank == 0 && !note.empty()) tell(fmt::format("warning: data: {}\n", note));
  if (sums[1] == 0) return;
  throw InputError(
      fmt::format("data: {:.0f} of {:.0f} rows are broken; mend them, or set "
                  "on_broken: skip",
                  sums[1], sums[0]));
}

RunLength check_length(const Recipe& recipe, const TrainingTask& task, Processes& processes,
                       const InterruptGuard& interrupts) {
  RunLength length;
  std::string failure;
  try {
    if (processes.is_first()) length = task.length(time_to_read(interrupts));
  } catch (const InputError& error) {
    failure = error.what();
  }
  failure = processes.from_first(failure);
  if (!failure.empty()) throw InputError(failure);
  const std::vector<double> sums = processes.sums_of(
      {static_cast<double>(length.samples), static_cast<double>(length.steps), length.epochs,
       length.exact ? 1.0 : 0.0, interrupts.interrupted() ? 1.0 : 0.0});
  if (sums[4] > 0) throw Interrupted("interrupted");
  length = {static_cast<int64_t>(sums[0]), static_cast<int64_t>(sums[1]), sums[2], sums[3] > 0};
  if (length.exact && length.steps == 0) {
    throw InputError(fmt::format(
        "data: {} rows in {} epochs fill no step of {}; raise epochs, or lower batch.rows",
        length.samples, recipe.epochs,
        recipe.batch.rows * recipe.batch.accumulate * processes.world()));
  }
  return length;
}

void check_validation(const Recipe& recipe, TrainingTask& task, const Launch& launch,
                      Processes& processes, const InterruptGuard& interrupts) {
  if (recipe.validation.data.empty()) return;
  CheckProgress progress("checking validation", launch.rank == 0, interrupts);
  StreamCheckOptions options;
  options.most_rows = recipe.validation.samples;
  options.rank = launch.rank;
  options.world = launch.world;
  options.go_on = std::ref(progress);
  const StreamCheckReport report = task.check_validation(options);
  for (const std::string& error : report.errors) tell(fmt::format("validation: {}\n", error));
  const std::vector<double> sums =
      processes.sums_of({static_cast<double>(report.rows), static_cast<double>(report.broken),
                         static_cast<double>(report.too_long), report.whole ? 0.0 : 1.0});
  if (sums[3] > 0) throw Interrupted("interrupted");
  const auto rows = static_cast<int64_t>(sums[0]);
  const auto broken = static_cast<int64_t>(sums[1]);
  if (too_many_broken(recipe, broken, rows)) {
    throw InputError(
        fmt::format("validation.path: {} of {} rows are broken; mend them, or set on_broken: skip",
                    broken, rows));
  }
  if (broken + static_cast<int64_t>(sums[2]) == rows) {
    throw InputError(
        "validation.path: no row can be used: all are longer than batch.tokens or "
        "batch.images");
  }
}

void check_resume(const Recipe& recipe, TrainingTask& task) {
  const FoundCheckpoint found = newest_whole_checkpoint(recipe.output);
  for (const std::string& problem : found.passed_over) {
    fmt::print("passed over   {}\n", problem);
  }
  if (!found.step) return;
  const std::filesystem::path checkpoint =
      std::filesystem::path(recipe.output) / fmt::format("checkpoint-{}", *found.step);
  const SavedRun saved = read_run(checkpoint);
  check_same_recipe(saved.state.recipe, to_json(recipe), recipe.name);
  task.restore_data(saved.state.data, checkpoint.string());
  fmt::print("goes on from  {}\n", checkpoint.string());
}

}  // namespace owl3::train
