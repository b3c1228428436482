// owl3 inspect train: the trainer against another implementation's losses and gradients.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "program/failure.h"
#include "train/command_line.h"
#include "train/golden_training.h"

namespace owl3::train {

namespace {

struct InspectTrainOptions {
  std::string folder;
  std::string model;
  bool json = false;
};

void print_row(const GoldenComparison& c) {
  fmt::print("  {:<62} {:>11.6g} {:>11.6g} {:>10.2e}  {}\n", c.name, c.expected, c.found,
             c.difference(), c.passed() ? "ok" : "FAILED");
}

void print_table(const char* title, const std::vector<GoldenComparison>& comparisons) {
  fmt::print("{:<64} {:>11} {:>11} {:>10}\n", title, "golden", "owl3", "relative");
  for (const GoldenComparison& c : comparisons) print_row(c);
}

void print_report(const GoldenTrainingReport& report) {
  fmt::print("stage {}\n", report.stage);
  print_table("loss", report.losses);
  print_table("norm of all gradients, before clipping", report.global_norms);
  print_table("norm of a tensor's gradient, step 0", report.gradient_norms);
  for (const auto& name : report.only_theirs) fmt::print("not trained here: {}  FAILED\n", name);
  for (const auto& name : report.only_ours) fmt::print("trained here only: {}  FAILED\n", name);
}

nlohmann::json to_json(const std::vector<GoldenComparison>& comparisons) {
  nlohmann::json list = nlohmann::json::array();
  for (const GoldenComparison& c : comparisons) {
    list.push_back({{"name", c.name},
                    {"expected", c.expected},
                    {"found", c.found},
                    {"relative_difference", c.difference()},
                    {"passed", c.passed()}});
  }
  return list;
}

nlohmann::json to_json(const GoldenTrainingReport& report) {
  return {{"stage", report.stage},
          {"passed", report.passed()},
          {"losses", to_json(report.losses)},
          {"global_grad_norms", to_json(report.global_norms)},
          {"grad_norms", to_json(report.gradient_norms)},
          {"not_trained", report.only_theirs},
          {"trained_here_only", report.only_ours}};
}

void run(const InspectTrainOptions& options) {
  const GoldenTrainingReport report = check_golden_training(options.folder, options.model);
  if (options.json) {
    fmt::print("{}\n", to_json(report).dump(2));
  } else {
    print_report(report);
  }
  if (report.passed()) return;
  const std::string message = fmt::format("{}: out of tolerance", options.folder);
  if (options.json) throw ToldFailure(message);
  throw Error(message);
}

}  // namespace

void add_inspect_train_command(CLI::App& inspect) {
  auto options = std::make_shared<InspectTrainOptions>();
  CLI::App* train = inspect.add_subcommand(
      "train", "Compare losses and gradients of some steps with another implementation's");
  train->add_option("DIR", options->folder, "A folder with golden.json and pixel_values.f32")
      ->required();
  train
      ->add_option("--model", options->model,
                   "The checkpoint it starts from (default: ../../model/NAME for NAME-stageN)")
      ->type_name("FOLDER");
  train->add_flag("--json", options->json, "Print JSON");
  const GoldenTrainingTolerance tolerance;
  train->footer(fmt::format(
      "Trains in float32 for as many steps as the golden has, with its hyperparameters. Exits "
      "with\n"
      "1 when anything is out of tolerance, relative to the golden's value: {:g} for losses and "
      "for\n"
      "the gradient norm of every trained tensor at step 0, {:g} for the norm of all gradients.\n\n"
      "Example:\n"
      "  owl3 inspect train tests/data/train/gated-tied-stage3",
      tolerance.loss, tolerance.global_norm));
  train->callback([options] { run(*options); });
}

}  // namespace owl3::train
