// The commands that other programs do, which stand beside this one: `owl3 train`, `owl3 inspect
// train` and `owl3 inspect distractors` owl3-train, `owl3 make-data` and `owl3 plot` owl3-draw.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/inspect/inspect.h"
#include "program/companion.h"

namespace owl3::cli {

namespace {

/// Adds the last of the `command`'s words as a command whose arguments, --help too, are all the
/// companion's to read.
void hand_on(CLI::App& app, Companion companion, const std::vector<std::string>& command,
             const std::string& description) {
  CLI::App* added = app.add_subcommand(command.back(), description);
  added->set_help_flag();
  added->prefix_command();
  added->callback([added, companion, command] {
    std::vector<std::string> arguments = command;
    const std::vector<std::string> rest = added->remaining();
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    become_companion(companion, std::move(arguments));
  });
}

}  // namespace

void add_help_command(CLI::App& app) {
  // run_program() reads it; what comes here has options of its own.
  app.add_subcommand("help", "Explain a command")->add_option("COMMAND", "Such as convert");
}

void add_make_data_command(CLI::App& app) {
  hand_on(app, Companion::kDraw, {"make-data"},
          "Draw pictures with questions and answers, to train a small model on");
}

void add_plot_command(CLI::App& app) {
  hand_on(app, Companion::kDraw, {"plot"}, "Draw the curves of training runs or evaluations");
}

void add_train_command(CLI::App& app) {
  hand_on(app, Companion::kTrain, {"train"}, "Train a model by a recipe");
}

void add_inspect_distractors(CLI::App& inspect) {
  hand_on(inspect, Companion::kTrain, {"inspect", "distractors"},
          "Distractor Resistance as the trainer computes it");
}

void add_inspect_train(CLI::App& inspect) {
  hand_on(inspect, Companion::kTrain, {"inspect", "train"},
          "Compare the trainer's losses and gradients with another implementation's");
}

}  // namespace owl3::cli
