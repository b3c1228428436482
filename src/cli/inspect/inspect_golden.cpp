// owl3 inspect golden: the engine against another implementation's outputs.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect/golden_options.h"
#include "cli/inspect/inspect.h"
#include "eval/golden_check.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

struct Options : GoldenCheckOptions {
  std::optional<double> min_cosine, min_top1;
};

void print_table(const GoldenReport& report) {
  fmt::print("{}\n", name_of(report.precision));
  fmt::print("  {:<22} {:>12} {:>12} {:>12} {:>8}\n", "prompt", "max diff", "min cosine",
             "split diff", "greedy");
  for (const GoldenResult& r : report.results) {
    const std::string greedy =
        r.greedy_tokens == 0 ? "" : fmt::format("{}/{}", r.greedy_matches, r.greedy_tokens);
    fmt::print("  {:<22} {:>12.3g} {:>12.7f} {:>12.3g} {:>8}  {}\n", r.name, r.max_difference,
               r.min_cosine, r.split_difference, greedy, r.passed ? "ok" : "FAILED");
  }
  fmt::print("  likeliest token as in the golden: {:.1f} %; smallest cosine {:.5f}",
             100 * report.top1(), report.min_cosine());
  if (report.tolerance.min_top1 < 1) {
    fmt::print("; wanted: {:.1f} %, {}", 100 * report.tolerance.min_top1,
               report.tolerance.min_cosine);
  }
  fmt::print("\n");
}

nlohmann::json to_json(const GoldenReport& report) {
  nlohmann::json results = nlohmann::json::array();
  for (const GoldenResult& r : report.results) {
    results.push_back({{"name", r.name},
                       {"max_difference", r.max_difference},
                       {"min_cosine", r.min_cosine},
                       {"split_difference", r.split_difference},
                       {"greedy_tokens", r.greedy_tokens},
                       {"greedy_matches", r.greedy_matches},
                       {"top1_tokens", r.top1_tokens},
                       {"top1_matches", r.top1_matches},
                       {"passed", r.passed}});
  }
  return {{"precision", name_of(report.precision)},
          {"passed", report.passed()},
          {"top1", report.top1()},
          {"min_cosine", report.min_cosine()},
          {"results", results}};
}

void run(const Options& options) {
  const std::filesystem::path model =
      other_model(options, fmt::format("no conversion of {}", options.folder));
  const std::string& subject = options.model.empty() ? options.folder : options.model;
  check_in_precisions(options, subject, [&](const ModelOptions& model_options) {
    const GoldenReport report = check_golden(
        options.folder,
        {model_options, !options.no_splits, model, options.min_cosine, options.min_top1});
    if (options.json) return GoldenCheckReport{report.passed(), to_json(report)};
    print_table(report);
    return GoldenCheckReport{report.passed(), {}};
  });
}

}  // namespace

void add_inspect_golden(CLI::App& inspect) {
  auto options = std::make_shared<Options>();
  CLI::App* app = inspect.add_subcommand(
      "golden", "Compare the engine with another implementation's outputs, in both precisions");
  app->add_option("DIR", options->folder, "A checkpoint folder with golden.json and its files")
      ->required();
  app->add_option("--model", options->model,
                  "Run this checkpoint folder, .gguf file or named model, converted from DIR's, on "
                  "its prompts")
      ->type_name("MODEL");
  app->add_option("--min-cosine", options->min_cosine,
                  "Hold every row of logits to this cosine, instead of the limits below")
      ->transform(real_number(-1.0, 1.0))
      ->type_name("X");
  app->add_option("--min-top1", options->min_top1,
                  "Hold the share of tokens whose likeliest is the golden's to this")
      ->transform(real_number(0.0, 1.0))
      ->type_name("X");
  add_golden_check_options(*app, *options);
  app->add_flag("--no-splits", options->no_splits,
                "Read each prompt in one piece only, not also cut at every position");
  app->add_flag("--json", options->json, "Print JSON");
  app->footer(
      "Exits with 1 when anything is out of tolerance: float32 within 2e-3 of the golden logits\n"
      "with the same greedy tokens; bf16 with a cosine of 0.999 for every row of logits. Weights "
      "of\n"
      "fewer bits have floors by their smallest type, in both precisions, for the cosine of every\n"
      "row and for how often the likeliest token is the golden's: 0.995 and 86 % for q8_0, 0.98 "
      "and\n"
      "68 % for q6_k, 0.79 and 40 % for q4_k, 0.77 and 40 % for q4_0. Random weights, as goldens\n"
      "have, are the hardest case.\n\n"
      "Examples:\n"
      "  owl3 inspect golden tests/data/model/unified\n"
      "  owl3 inspect golden tests/data/model/unified --model unified-q4_0.gguf");
  app->callback([options] { run(*options); });
}

}  // namespace owl3::cli
