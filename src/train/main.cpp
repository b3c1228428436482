// The program owl3-train: what of owl3 needs LibTorch. People type `owl3 train`, which runs this.
#include <c10/util/Logging.h>

#include <CLI/CLI.hpp>

#include "program/program.h"
#include "runs/recipe.h"
#include "train/command_line.h"

namespace owl3::train {

namespace {

void set_up(CLI::App& app) {
  add_train_command(app);
  CLI::App* inspect = app.add_subcommand("inspect", "Hold the trainer against other results");
  inspect->require_subcommand(1);
  add_inspect_distractors_command(*inspect);
  add_inspect_train_command(*inspect);
}

std::string advice_on(const CLI::App& command, const std::vector<std::string>& left_over) {
  return command.get_name() == "train" ? advice_on_recipe_keys(left_over) : "";
}

}  // namespace

}  // namespace owl3::train

int main(int argc, char** argv) {
  owl3::prepare_process();
  // LibTorch's errors are one line here, as all others.
  c10::SetStackTraceFetcher([] { return std::string(); });
  // The name in help and messages is that of the program people call.
  CLI::App app("Train mPLUG-Owl3 models.", "owl3");
  return owl3::run_program(app, owl3::train::set_up, argc, argv, owl3::train::advice_on);
}
