#include "cli/eval/eval_compare.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "eval/bench_compare.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShown = 20;

struct Options {
  std::string first, second;
  bool all = false;
  bool json = false;
};

std::string reply_of(const Json& line) {
  return line.contains("reply") ? one_line(line["reply"].get<std::string>())
                                : "(" + one_line(line.value("error", "no reply")) + ")";
}

void print_table(const BenchComparison& compared, const Options& options) {
  fmt::print("{}: {} rows\n", compared.benchmark, compared.rows);
  const auto print_run = [](const Json& run, double mean, int64_t better) {
    fmt::print("  {:<32} mean score {:>5.1f} %, better in {}\n",
               run.value("model", "") + ", " + run.value("arithmetic", ""), 100 * mean, better);
  };
  print_run(compared.first_run, compared.first_mean, compared.first_better);
  print_run(compared.second_run, compared.second_mean, compared.second_better);
  fmt::print("  McNemar's test: p = {:.3g}\n", compared.p_value());
  if (compared.only_one > 0) fmt::print("  scored in one run only: {} rows\n", compared.only_one);
  size_t shown = 0;
  for (const BenchDifference& difference : compared.differences) {
    if (!options.all && shown++ == kShown) {
      fmt::print("{} more (--all lists them)\n", compared.differences.size() - kShown);
      break;
    }
    fmt::print("row {}: {:.3g}, {:.3g}; reference {}\n  {}\n  {}\n", difference.row,
               difference.first_score, difference.second_score,
               difference.first.value("reference", Json()).dump(), reply_of(difference.first),
               reply_of(difference.second));
  }
}

Json to_json(const BenchComparison& compared) {
  Json differences = Json::array();
  for (const BenchDifference& difference : compared.differences) {
    differences.push_back(
        {{"row", difference.row},
         {"scores", {difference.first_score, difference.second_score}},
         {"prompt", difference.first.value("prompt", Json())},
         {"reference", difference.first.value("reference", Json())},
         {"replies",
          {difference.first.value("reply", Json()), difference.second.value("reply", Json())}}});
  }
  return {{"benchmark", compared.benchmark},
          {"runs", {compared.first_run, compared.second_run}},
          {"rows", compared.rows},
          {"scored_in_one_run_only", compared.only_one},
          {"means", {compared.first_mean, compared.second_mean}},
          {"better", {compared.first_better, compared.second_better}},
          {"p_value", compared.p_value()},
          {"differences", std::move(differences)}};
}

void run(const Options& options) {
  const BenchComparison compared = compare_runs(options.first, options.second);
  if (!options.json) return print_table(compared, options);
  fmt::print("{}\n", to_json(compared).dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void add_eval_compare(CLI::App& eval) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      eval.add_subcommand("compare", "Compare two runs of a benchmark question by question");
  command->add_option("A", options->first, "A run's replies: NAME.jsonl of owl3 eval bench")
      ->required()
      ->type_name("");
  command->add_option("B", options->second, "Another run's")->required()->type_name("");
  command->add_flag("--all", options->all, "List every question that differs, not the first 20");
  command->add_flag("--json", options->json, "Print JSON");
  command->footer(
      "The p-value is McNemar's, exact: how likely it is that the questions would differ so "
      "unevenly\n"
      "if neither run were better. Of scores between 0 and 1 the higher counts as right.\n\n"
      "Examples:\n"
      "  owl3 eval compare bf16/gqa_testdev.jsonl q4_k/gqa_testdev.jsonl");
  command->callback([options] { run(*options); });
}

}  // namespace owl3::cli
