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

/// A text of the files, which anybody may have written.
std::string shown(const std::string& text) {
  return one_line(without_controls(text));
}

std::string reply_of(const Json& line) {
  return line.contains("reply") ? shown(line["reply"].get<std::string>())
                                : "(" + shown(line.value("error", "no reply")) + ")";
}

/// The row's place in its data file.
std::string place_of(const BenchDifference& difference) {
  const std::string where = difference.first.value("where", "");
  return where.empty() ? fmt::format("row {} of the records", difference.row) : shown(where);
}

void print_difference(const BenchDifference& difference) {
  fmt::print("{}: A {:.3g}, B {:.3g}; reference {}\n  A: {}\n  B: {}\n", place_of(difference),
             difference.first_score, difference.second_score,
             shown(difference.first.value("reference", Json()).dump()), reply_of(difference.first),
             reply_of(difference.second));
}

void print_table(const BenchComparison& compared, const Options& options) {
  fmt::print("{}: {} rows\n", shown(compared.benchmark), compared.rows);
  const auto print_run = [](char name, const std::string& file, const Json& run, double mean,
                            int64_t better) {
    fmt::print("  {}: mean score {:>5.1f} %, better in {}: {} ({}, {})\n", name, 100 * mean, better,
               shown(file), shown(run.value("model", "")), shown(run.value("arithmetic", "")));
  };
  print_run('A', options.first, compared.first_run, compared.first_mean, compared.first_better);
  print_run('B', options.second, compared.second_run, compared.second_mean, compared.second_better);
  fmt::print("  McNemar's test: p = {:.3g}\n", compared.p_value());
  if (compared.only_one > 0) fmt::print("  scored in one run only: {} rows\n", compared.only_one);
  size_t printed = 0;
  for (const BenchDifference& difference : compared.differences) {
    if (!options.all && printed++ == kShown) {
      fmt::print("{} more (--all lists them)\n", compared.differences.size() - kShown);
      break;
    }
    print_difference(difference);
  }
}

Json to_json(const BenchComparison& compared, const Options& options) {
  Json differences = Json::array();
  for (const BenchDifference& difference : compared.differences) {
    differences.push_back(
        {{"row", difference.row},
         {"where", difference.first.value("where", Json())},
         {"scores", {difference.first_score, difference.second_score}},
         {"prompt", difference.first.value("prompt", Json())},
         {"reference", difference.first.value("reference", Json())},
         {"replies",
          {difference.first.value("reply", Json()), difference.second.value("reply", Json())}}});
  }
  return {{"benchmark", compared.benchmark},
          {"files", {options.first, options.second}},
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
  fmt::print("{}\n",
             to_json(compared, options).dump(2, ' ', false, Json::error_handler_t::replace));
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
