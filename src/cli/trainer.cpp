// `owl3 train`, `owl3 inspect train` and `owl3 inspect distractors`: another program does them,
// owl3-train, which stands beside this one and alone is linked with LibTorch.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/inspect.h"
#include "core/error.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

fs::path trainer_path() {
  std::error_code failure;
  const fs::path own = fs::read_symlink("/proc/self/exe", failure);
  if (failure) throw Error(fmt::format("/proc/self/exe: {}", failure.message()));
  return own.parent_path() / "owl3-train";
}

/// This process becomes the trainer.
[[noreturn]] void become_trainer(std::vector<std::string> arguments) {
  const fs::path path = trainer_path();
  arguments.insert(arguments.begin(), path.string());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  if (errno == ENOENT) {
    throw Error(
        "this build has no trainer: install libtorch-dev and libgloo-dev "
        "(scripts/setup.sh --train), configure and build again");
  }
  throw Error(fmt::format("{}: {}", path.string(), errno_text(errno)));
}

/// Adds the command `name`, all of whose arguments, --help too, are the trainer's to read.
void add_trainer_command(CLI::App& app, const std::string& name, const std::string& description,
                         const std::vector<std::string>& command) {
  CLI::App* added = app.add_subcommand(name, description);
  added->set_help_flag();
  added->prefix_command();
  added->callback([added, command] {
    std::vector<std::string> arguments = command;
    const std::vector<std::string> rest = added->remaining();
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    become_trainer(std::move(arguments));
  });
}

}  // namespace

void add_train_command(CLI::App& app) {
  add_trainer_command(app, "train", "Train a model by a recipe", {"train"});
}

void add_inspect_distractors(CLI::App& inspect) {
  add_trainer_command(inspect, "distractors", "Distractor Resistance as the trainer computes it",
                      {"inspect", "distractors"});
}

void add_inspect_train(CLI::App& inspect) {
  add_trainer_command(inspect, "train",
                      "Compare the trainer's losses and gradients with another implementation's",
                      {"inspect", "train"});
}

}  // namespace owl3::cli
