// owl3 inspect evidence: what attention reads from images against another implementation's account.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect/golden_options.h"
#include "cli/inspect/inspect.h"
#include "eval/evidence_check.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

struct Options : GoldenCheckOptions {
  std::optional<double> tolerance;
};

std::string text_of(const std::optional<double>& difference) {
  return difference ? fmt::format("{:.3g}", *difference) : std::string("-");
}

void print_table(const EvidenceReport& report) {
  fmt::print("{}, within {:.3g}\n", name_of(report.precision), report.tolerance);
  fmt::print("  {:<22} {:>6} {:>12} {:>12} {:>12}\n", "prompt", "layer", "by image", "by key",
             "gate");
  size_t failed = 0;
  for (const EvidenceCheck& r : report.results) {
    fmt::print("  {:<22} {:>6} {:>12.3g} {:>12} {:>12}  {}\n", r.prompt, r.layer, r.by_image,
               text_of(r.by_key), text_of(r.gate), r.passed ? "ok" : "FAILED");
    if (r.passed) continue;
    ++failed;
    fmt::print("    {}\n", r.worst);
  }
  if (failed > 0) fmt::print("  {} of {} differ\n", failed, report.results.size());
}

/// JSON has no infinity, which stands for NaN where a number should be.
nlohmann::ordered_json number_of(const std::optional<double>& difference) {
  if (!difference || !std::isfinite(*difference)) return nullptr;
  return *difference;
}

nlohmann::ordered_json to_json(const EvidenceReport& report) {
  auto results = nlohmann::ordered_json::array();
  for (const EvidenceCheck& r : report.results) {
    results.push_back({{"prompt", r.prompt},
                       {"layer", r.layer},
                       {"by_image", number_of(r.by_image)},
                       {"by_key", number_of(r.by_key)},
                       {"gate", number_of(r.gate)},
                       {"worst", r.worst},
                       {"passed", r.passed}});
  }
  return {{"precision", name_of(report.precision)},
          {"tolerance", report.tolerance},
          {"passed", report.passed()},
          {"results", std::move(results)}};
}

void run(const Options& options) {
  const std::filesystem::path model =
      other_model(options, fmt::format("not the model that {} was made with", options.folder));
  check_in_precisions(options, options.folder, [&](const ModelOptions& model_options) {
    const EvidenceReport report = check_evidence(
        options.folder, {model_options, !options.no_splits, model, options.tolerance});
    if (options.json) return GoldenCheckReport{report.passed(), to_json(report)};
    print_table(report);
    return GoldenCheckReport{report.passed(), {}};
  });
}

}  // namespace

void add_inspect_evidence(CLI::App& inspect) {
  auto options = std::make_shared<Options>();
  CLI::App* app = inspect.add_subcommand(
      "evidence", "Compare what attention reads from images with another implementation's account");
  app->add_option("DIR", options->folder, "A folder with evidence.json and its files")->required();
  app->add_option("--model", options->model,
                  "The model, in place of the one that evidence.json names: its folder, which has "
                  "the prompts too, or a conversion of it")
      ->type_name("MODEL");
  app->add_option("--tolerance", options->tolerance,
                  "Allow weights to differ by this, instead of the limits below")
      ->transform(real_number(0.0, 1.0))
      ->type_name("X");
  add_golden_check_options(*app, *options);
  app->add_flag(
      "--no-splits", options->no_splits,
      "Read each prompt in one piece only, not also cut at every position, token by token "
      "and in steps with the others");
  app->add_flag("--json", options->json, "Print JSON");
  app->footer(
      "Exits with 1 when anything is out of tolerance, 1e-4 in float32 and 0.02 in bf16, and says\n"
      "where: every weight of every image, of every key in the last row, and the means of the "
      "gates.\n"
      "Prompts and pictures are those of golden.json in the model's folder.\n\n"
      "Examples:\n"
      "  owl3 inspect evidence tests/data/evidence/unified\n"
      "  owl3 inspect evidence evidence/unified --model tests/data/model/unified --json");
  app->callback([options] { run(*options); });
}

}  // namespace owl3::cli
