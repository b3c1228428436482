// owl3 inspect golden: the engine against another implementation's outputs.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/golden_check.h"
#include "cli/inspect.h"

namespace owl3::cli {

namespace {

struct Options {
  std::string folder;
  std::string precision = "both";
  int threads = 0;
  bool no_splits = false;
  bool json = false;
};

std::string_view name_of(Precision precision) {
  return precision == Precision::kFloat32 ? "float32" : "bf16";
}

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
                       {"passed", r.passed}});
  }
  return {{"precision", name_of(report.precision)}, {"passed", report.passed()},
          {"results", results}};
}

void run(const Options& options) {
  bool passed = true;
  nlohmann::json all = nlohmann::json::array();
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    if (options.precision != "both" && options.precision != name_of(precision)) continue;
    const GoldenReport report =
        check_golden(options.folder, precision, options.threads, !options.no_splits);
    passed = passed && report.passed();
    if (options.json) {
      all.push_back(to_json(report));
    } else {
      print_table(report);
    }
  }
  if (options.json) fmt::print("{}\n", all.dump(2));
  if (!passed) throw Error(fmt::format("{}: out of tolerance", options.folder));
}

}  // namespace

void add_inspect_golden(CLI::App& inspect) {
  auto options = std::make_shared<Options>();
  CLI::App* app = inspect.add_subcommand(
      "golden", "Compare the engine with another implementation's outputs, in both precisions");
  app->add_option("DIR", options->folder, "A checkpoint folder with golden.json and its files")
      ->required();
  app->add_option("--precision", options->precision, "Only this precision")
      ->check(CLI::IsMember({"both", "float32", "bf16"}))
      ->capture_default_str();
  app->add_option("-t,--threads", options->threads, "Threads (0: all cores)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app->add_flag("--no-splits", options->no_splits,
                "Read each prompt in one piece only, not also cut at every position");
  app->add_flag("--json", options->json, "Print JSON");
  app->footer(
      "Exits with 1 when anything is out of tolerance: float32 within 2e-3 of the golden logits\n"
      "with the same greedy tokens; bf16 with a cosine of 0.999 for every row of logits.");
  app->callback([options] { run(*options); });
}

}  // namespace owl3::cli
