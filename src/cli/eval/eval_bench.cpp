#include "cli/eval/eval_bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "benchmarks/data_set.h"
#include "cli/models/load_model.h"
#include "core/error.h"
#include "eval/bench_report.h"
#include "eval/bench_run.h"
#include "program/arithmetic_options.h"
#include "program/interrupt.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

struct Options {
  std::vector<std::string> names;  // the model stands behind them
  std::string shard;
  BenchOptions bench;
  ModelOptions model_options;
  bool json = false;
  bool markdown = false;
  bool list = false;
};

void add_options(CLI::App& command, Options& options) {
  constexpr const char* kQuestions = "The questions";
  command
      .add_option("NAME", options.names,
                  "Benchmarks (--list lists them), and then the model: a name (owl3 list), "
                  "checkpoint folder or .gguf file")
      ->type_name("... MODEL");
  command.add_flag("--list", options.list, "List the benchmarks and the files each is read from")
      ->group(kQuestions);
  command.add_option("--data", options.bench.data, "The folder with the benchmarks' files")
      ->type_name("DIR")
      ->group(kQuestions);
  command.add_option("--limit", options.bench.limit, "At most so many first rows of each; 0: all")
      ->transform(whole_number(0, 1'000'000'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kQuestions);
  command.add_option("--shard", options.shard, "Every N-th row only, beginning with the K-th")
      ->type_name("K/N")
      ->group(kQuestions);
  command.add_option("--max-new-tokens", options.bench.max_new_tokens, "Longest answer, in tokens")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str()
      ->type_name("N")
      ->group(kQuestions);
  command
      .add_flag("--official-compat", options.bench.official_compat,
                "Score, and choose frames, with the faults of the official code")
      ->group(kQuestions);
  add_lora_option(command, options.model_options.lora)->group(kQuestions);
  add_threads_option(command, options.model_options.threads)->group("The machine");
  add_arithmetic_options(command, options.model_options, "The machine");
  options.bench.output = "evaluation";
  command.add_option("-o,--output", options.bench.output, "The folder for replies and results")
      ->capture_default_str()
      ->type_name("DIR")
      ->group("Output");
  CLI::Option* json = command.add_flag("--json", options.json, "Print JSON")->group("Output");
  command.add_flag("--markdown", options.markdown, "Print a table for a page")
      ->excludes(json)
      ->group("Output");
}

BenchShard shard_of(const std::string& text) {
  BenchShard shard;
  if (text.empty()) return shard;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, shard.number);
  const bool slash = number.ec == std::errc() && number.ptr != end && *number.ptr == '/';
  const auto of = std::from_chars(slash ? number.ptr + 1 : end, end, shard.of);
  if (!slash || of.ec != std::errc() || of.ptr != end || shard.number < 1 ||
      shard.number > shard.of || shard.of > 1'000'000) {
    throw UsageError(fmt::format("--shard {}: must be K/N, with K from 1 to N", text));
  }
  return shard;
}

/// What changes replies, beside the model.
std::string arithmetic_of(const ModelOptions& options) {
  std::string text = options.precision == Precision::kFloat32 ? "float32" : "bf16";
  if (options.vision_int8) text += ", vision in int8";
  if (options.visual_memory_int8) text += ", visual memory in int8";
  for (const LoraOptions& lora : options.lora) {
    text += fmt::format(", {} x {}", lora.folder.string(), lora.scale);
  }
  return text;
}

void print_list() {
  for (const BenchmarkSet& set : benchmark_sets()) {
    fmt::print("{:<26} {}\n{:<26} {}\n", set.name, set.title, "", expected_files(set));
  }
}

int run(Options options) {
  if (options.list) {
    print_list();
    return 0;
  }
  if (options.names.size() < 2) {
    throw UsageError("NAME... MODEL: one benchmark and a model at least (--list lists benchmarks)");
  }
  if (options.bench.data.empty()) {
    throw UsageError("--data DIR is required: the folder with the benchmarks' files");
  }
  const std::string model_name = options.names.back();
  options.names.pop_back();
  options.bench.shard = shard_of(options.shard);
  options.bench.arithmetic = arithmetic_of(options.model_options);
  std::vector<const BenchmarkSet*> sets;
  for (const std::string& name : options.names) sets.push_back(&find_benchmark_set(name));
  const InterruptGuard interrupt;
  const Model model = load_model(model_name, options.model_options);
  tell_warnings(model.warnings());
  ProgressBar bar;
  std::vector<BenchResult> results;
  for (const BenchmarkSet* set : sets) {
    results.push_back(run_benchmark(*set, model, model_name, options.bench,
                                    [&](std::string_view stage, int64_t done, int64_t total) {
                                      if (stage == "asking") bar.update(set->name, done, total);
                                      return !interrupt.interrupted();
                                    }));
    if (results.back().interrupted) break;
  }
  bar.erase();
  const BenchFormat format = options.json       ? BenchFormat::kJson
                             : options.markdown ? BenchFormat::kMarkdown
                                                : BenchFormat::kTable;
  fmt::print("{}", bench_report(results, model_name, format));
  if (!results.back().interrupted) return 0;
  tell("owl3: interrupted; the same command goes on from here\n");
  return interrupted_exit_code();
}

}  // namespace

void add_eval_bench(CLI::App& eval) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      eval.add_subcommand("bench", "Ask benchmarks of the official evaluation, and score them");
  command->footer(
      "DIR has the files that --list names, in it or in folders with the benchmarks' names, and\n"
      "the pictures and films beside. Each reply is in the output folder's NAME.jsonl as soon as "
      "it is "
      "given:\n"
      "the same command goes on where one was ended, and takes in what shards have written there.\n"
      "Answers that are not public become NAME.submission.json or .xlsx. docs/evaluation.md tells\n"
      "more.\n\n"
      "Examples:\n"
      "  owl3 eval bench pope_random gqa_testdev MODEL --data benchmarks\n"
      "  owl3 eval bench mvbench videomme MODEL --data benchmarks\n"
      "  owl3 eval bench vqav2_test MODEL --data benchmarks --shard 2/8 -o vqav2");
  add_options(*command, *options);
  command->callback([options] {
    const int code = run(*options);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace owl3::cli
