// Runs of the real trainer, several at a time, that tests watch and end; and what they left behind.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace owl3::test {

/// A program that runs beside the test. Its standard output and error go to one file.
class RunningProgram {
 public:
  /// `environment`: "NAME=value", on top of the test's own.
  RunningProgram(const std::vector<std::string>& command,
                 const std::vector<std::string>& environment, std::filesystem::path output);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void signal(int number) const;
  /// The exit code, or 128 + the signal that ended it. Ends it after `seconds`.
  int wait(int seconds = 120);
  bool running();
  std::string output() const;

 private:
  std::filesystem::path output_;
  pid_t pid_ = -1;
  int status_ = -1;
};

struct Outcome {
  int exit_code = -1;
  std::string output;
};

/// owl3-train train RECIPE ARGUMENTS, to its end.
Outcome train(const std::filesystem::path& recipe, const std::vector<std::string>& arguments = {},
              const std::vector<std::string>& environment = {});
std::vector<std::string> train_command(const std::filesystem::path& recipe,
                                       const std::vector<std::string>& arguments);
/// What torchrun sets for process `rank` of `world`.
std::vector<std::string> torchrun_environment(int rank, int world, int port);
/// A port that nobody listens on now.
int free_port();

/// Waits until it holds; false after `seconds`.
bool wait_until(const std::function<bool()>& condition, int seconds = 60);

/// Losses of a run's metrics.jsonl, in order; lines of validation are left out.
std::vector<double> losses_of(const std::filesystem::path& run);

/// A folder with a tiny checkpoint "base", "data.jsonl" with pictures, and "pairs.jsonl"; made
/// once.
const std::filesystem::path& workshop();
/// Writes a recipe that trains the tiny model a few steps into `run`, with more lines at its end.
std::filesystem::path write_recipe(const std::filesystem::path& run, const std::string& more);

}  // namespace owl3::test
