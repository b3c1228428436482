// owl3 inspect eval: the benchmarks against what the official evaluation gave.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "benchmarks/official_check.h"
#include "cli/inspect/inspect.h"
#include "core/error.h"
#include "program/failure.h"

namespace owl3::cli {

namespace {

constexpr size_t kShownPerFile = 20;

struct Options {
  std::string folder;
  bool official_compat = false;
  bool all = false;
  bool json = false;
};

void print_table(const OfficialReport& report, const Options& options) {
  fmt::print("{:<20} {:>7} {:>8} {:>16}\n", "", "cases", "differ", "official faults");
  for (const OfficialFileCheck& file : report.files) {
    fmt::print("{:<20} {:>7} {:>8} {:>16}  {}\n", file.file, file.cases, file.differing,
               file.faults, file.differing == 0 ? "ok" : "FAILED");
  }
  std::map<std::string, size_t> shown;
  for (const OfficialDifference& difference : report.differences) {
    if (!options.all && ++shown[difference.file] > kShownPerFile) continue;
    fmt::print("{} {}: {}\n", difference.file, difference.name, difference.what);
  }
  for (const auto& [file, count] : shown) {
    if (count > kShownPerFile) {
      fmt::print("{}: {} more (--all lists them)\n", file, count - kShownPerFile);
    }
  }
}

nlohmann::ordered_json to_json(const OfficialReport& report, const Options& options) {
  auto files = nlohmann::ordered_json::array();
  for (const OfficialFileCheck& file : report.files) {
    files.push_back({{"file", file.file},
                     {"cases", file.cases},
                     {"differing", file.differing},
                     {"official_faults", file.faults}});
  }
  auto differences = nlohmann::ordered_json::array();
  for (const OfficialDifference& difference : report.differences) {
    differences.push_back(
        {{"file", difference.file}, {"case", difference.name}, {"difference", difference.what}});
  }
  return {{"official_compat", options.official_compat},
          {"passed", report.passed()},
          {"files", std::move(files)},
          {"differences", std::move(differences)}};
}

void run(const Options& options) {
  const OfficialReport report =
      check_official(options.folder,
                     options.official_compat ? Compatibility::kOfficial : Compatibility::kIntended);
  if (options.json) {
    const auto json = to_json(report, options);
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print_table(report, options);
  }
  if (report.passed()) return;
  const std::string message =
      fmt::format("{}: {} of the results differ", options.folder, report.differences.size());
  if (options.json) throw ToldFailure(message);
  throw Error(message);
}

}  // namespace

void add_inspect_eval(CLI::App& inspect) {
  auto options = std::make_shared<Options>();
  CLI::App* app = inspect.add_subcommand(
      "eval", "Compare benchmarks' prompts, answers and metrics with the official evaluation's");
  app->add_option("DIR", options->folder, "A folder with answers.jsonl, metrics.jsonl and others")
      ->required();
  app->add_flag("--official-compat", options->official_compat,
                "With the faults of the official code, not what was meant");
  app->add_flag("--all", options->all, "List every difference, not the first 20 of each file");
  app->add_flag("--json", options->json, "Print JSON");
  app->footer(
      "Exits with 1 when anything differs, and says what: numbers by more than 1e-12 of their "
      "size,\n"
      "all else at all. Of the files answers, metrics, frames, prompts, outputs, plan and "
      "submissions\n"
      "(.jsonl) it takes those that are there. \"official faults\" are cases whose official result "
      "is\n"
      "a slip: they are held to the intended one unless --official-compat.\n\n"
      "Examples:\n"
      "  owl3 inspect eval tests/data/eval\n"
      "  owl3 inspect eval tests/data/eval --official-compat --json");
  app->callback([options] { run(*options); });
}

}  // namespace owl3::cli
