#include "cli/eval/eval_bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "benchmarks/data_set.h"
#include "builtin/open_model.h"
#include "cli/eval/plan_file.h"
#include "cli/eval/released_model.h"
#include "cli/eval/typed_model.h"
#include "cli/models/load_model.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "eval/bench_page.h"
#include "eval/bench_report.h"
#include "eval/bench_run.h"
#include "formats/checkpoint.h"
#include "program/arithmetic_options.h"
#include "program/failure.h"
#include "program/interrupt.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/shard_option.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

constexpr size_t kMistakesShown = 12;  // of each benchmark, in the page

struct Options {
  std::vector<std::string> names;  // benchmarks and plans; the model stands behind them
  BenchOptions bench;
  ModelOptions model_options;
  std::optional<std::string> types;  // "bf16,q4_k"; nothing: the model as it is
  bool keep = false;
  std::string page;
  bool json = false;
  bool markdown = false;
  bool list = false;
};

void add_options(CLI::App& command, Options& options) {
  constexpr const char* kQuestions = "The questions";
  command
      .add_option("NAME", options.names,
                  "Benchmarks (--list lists them) or plans (.yaml, .jsonl), and then the model: a "
                  "name (owl3 list), checkpoint folder or .gguf file")
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
  add_shard_option(command, options.bench.shard, "Every N-th row only, beginning with the K-th")
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
  CLI::Option* types =
      command
          .add_option("--types", options.types,
                      "Ask conversions of the model one after the other, and tell how they differ "
                      "from the first: bf16, q8_0, q6_k, q4_k, q4_0, original")
          ->type_name("TYPE,..")
          ->group(kQuestions);
  command.add_flag("--keep", options.keep, "Leave the conversions in the folder, in OUTPUT/TYPE/")
      ->needs(types)
      ->group(kQuestions);
  add_lora_option(command, options.model_options.lora)->group(kQuestions);
  add_threads_option(command, options.model_options.threads)->group("The machine");
  add_arithmetic_options(command, options.model_options, "The machine");
  options.bench.output = "evaluation";
  command.add_option("-o,--output", options.bench.output, "The folder for replies and results")
      ->capture_default_str()
      ->type_name("DIR")
      ->group("Output");
  command
      .add_option("--report", options.page,
                  "Write a page too: scores, metrics, the worst answers with their pictures")
      ->type_name("FILE.html")
      ->group("Output");
  CLI::Option* json = command.add_flag("--json", options.json, "Print JSON")->group("Output");
  command.add_flag("--markdown", options.markdown, "Print a table for a page")
      ->excludes(json)
      ->group("Output");
}

/// What changes replies, beside the model.
std::string arithmetic_of(const ModelOptions& options) {
  std::string text(name_of(options.precision));
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

/// What the words before the model ask, in order.
std::vector<BenchmarkSet> asked_sets(const std::vector<std::string>& words) {
  std::vector<BenchmarkSet> sets;
  for (const std::string& word : words) {
    if (is_plan_file(word)) {
      for (BenchmarkSet& set : read_plan(word)) sets.push_back(std::move(set));
    } else {
      sets.push_back(find_benchmark_set(word));
    }
  }
  for (size_t i = 0; i < sets.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (sets[k].name == sets[i].name) {
        throw UsageError(fmt::format("{} is asked twice: once is enough", sets[i].name));
      }
    }
  }
  return sets;
}

/// Before hours of work rather than behind them.
void check_page(const std::string& page) {
  if (page.empty()) return;
  if (!page.ends_with(".html")) {
    throw UsageError(fmt::format("--report {}: must end in .html", page));
  }
  const auto folder = std::filesystem::absolute(page).parent_path();
  std::error_code error;
  if (std::filesystem::is_directory(page, error)) {
    throw InputError(fmt::format("--report {}: is a folder, where a file is to be written", page));
  }
  if (std::filesystem::is_directory(folder, error)) return;
  throw InputError(fmt::format("--report {}: there is no folder {}", page, folder.string()));
}

/// Asks all sets of one model, or of one conversion of it.
class Asking {
  /// Leaves no line of progress behind, however the asking ends.
  class BarGuard {
   public:
    explicit BarGuard(ProgressBar& bar) : bar_(bar) {}
    ~BarGuard() { bar_.erase(); }
    BarGuard(const BarGuard&) = delete;
    BarGuard& operator=(const BarGuard&) = delete;

   private:
    ProgressBar& bar_;
  };

 public:
  Asking(const Options& options, const std::vector<BenchmarkSet>& sets)
      : options_(options), sets_(sets) {}

  /// Looks at all files before the first question is asked.
  void check(const std::vector<BenchPlace>& places) const {
    if (sets_.size() * places.size() < 2) return;  // a single run begins with it
    for (const BenchmarkSet& set : sets_) check_benchmark(set, places, options_.bench);
  }

  /// `path_of` makes what is loaded, when there is something to ask. What is done stands in
  /// `results` when this throws.
  void ask(const BenchPlace& place, std::vector<BenchResult>& results,
           const std::function<std::string(const ProgressCallback&)>& path_of) {
    BenchOptions bench = options_.bench;
    bench.output = place.output;
    std::optional<Model> model;
    const auto loaded = [&] {
      if (!model) {
        model = load_model(path_of(progress("converting")), options_.model_options);
        bar_.erase();
        tell_warnings(model->warnings());
      }
      return *model;
    };
    const BarGuard gone_in_the_end(bar_);
    for (const BenchmarkSet& set : sets_) {
      results.push_back(run_benchmark(set, loaded, place.model, bench, progress(set.name)));
      if (results.back().interrupted) break;
    }
  }

 private:
  ProgressCallback progress(std::string what) {
    return [this, what = std::move(what)](std::string_view stage, int64_t done, int64_t total) {
      // What a model does on the way to an answer is too short to be told.
      if (stage == "asking" || what == "converting") bar_.update(what, done, total);
      return !interrupt_.interrupted();
    };
  }

  const Options& options_;
  const std::vector<BenchmarkSet>& sets_;
  const InterruptGuard interrupt_;
  ProgressBar bar_;
};

bool was_interrupted(const std::vector<BenchRun>& runs) {
  return !runs.empty() && !runs.back().results.empty() && runs.back().results.back().interrupted;
}

void ask_types(const Options& options, const std::vector<std::string>& types,
               const std::string& model, Asking& asking, std::vector<BenchRun>& runs) {
  std::vector<BenchPlace> places;
  for (const std::string& type : types) {
    places.push_back({fmt::format("{}:{}", model, type), options.bench.output / type});
  }
  asking.check(places);
  for (size_t i = 0; i < types.size(); ++i) {
    TypedModel typed(model, types[i], places[i].output, options.keep,
                     options.model_options.threads);
    runs.push_back({types[i], typed.weight_bytes(), {}});
    asking.ask(places[i], runs.back().results,
               [&](const ProgressCallback& progress) { return typed.path(progress); });
    if (was_interrupted(runs)) break;
  }
}

/// What is done stands in `runs` when this throws.
void ask_all(const Options& options, const std::vector<std::string>& types,
             const std::string& model, Asking& asking, std::vector<BenchRun>& runs) {
  if (!types.empty()) return ask_types(options, types, model, asking, runs);
  const BenchPlace place = {model, options.bench.output};
  asking.check({place});
  asking.ask(place, runs.emplace_back().results, [&](const auto&) { return model; });
}

/// Throws ToldFailure where rows were no good, which the report counts, so that it does not end as
/// if all were well.
void tell_of_errors(const std::vector<BenchRun>& runs) {
  int64_t rows = 0, unasked = 0, unscored = 0;
  std::string first;
  for (const BenchRun& run : runs) {
    for (const BenchResult& result : run.results) {
      rows += result.answered;
      unscored += result.unscored;
      unasked += result.errors - result.unscored;
      if (first.empty() && !result.first_errors.empty()) first = result.first_errors.front();
    }
  }
  if (unasked + unscored == 0) return;
  if (unasked == 0) {
    throw ToldFailure(fmt::format("{} of {} rows could not be scored ({})", unscored, rows, first));
  }
  const std::string more =
      unscored > 0 ? fmt::format(", and {} not be scored", unscored) : std::string();
  throw ToldFailure(fmt::format("{} of {} rows could not be asked{} ({}); the same command asks {}",
                                unasked, rows, more, first,
                                unscored > 0 ? "again what was not asked" : "them again"));
}

void write_page(const std::string& path, const BenchReport& report) {
  const WriteGuard unfinished_parts_go;
  AtomicFile file(path);
  file.write(bench_page(report));
  file.commit();
}

void print(const BenchReport& report, const Options& options) {
  const BenchFormat format = options.json       ? BenchFormat::kJson
                             : options.markdown ? BenchFormat::kMarkdown
                                                : BenchFormat::kTable;
  fmt::print("{}", bench_report(report, format));
}

int run(Options options) {
  if (options.list) {
    if (!options.names.empty() || options.json || options.markdown || !options.page.empty()) {
      throw UsageError("--list stands alone: it lists the benchmarks, and asks none");
    }
    print_list();
    return 0;
  }
  if (options.names.size() < 2) {
    throw UsageError(
        "NAME... MODEL: one benchmark or plan, and a model at least (--list lists benchmarks)");
  }
  if (options.bench.data.empty()) {
    throw UsageError("--data DIR is required: the folder with the benchmarks' files");
  }
  const std::string model = options.names.back();
  options.names.pop_back();
  options.bench.arithmetic = arithmetic_of(options.model_options);
  const std::vector<BenchmarkSet> sets = asked_sets(options.names);
  check_page(options.page);
  if (!options.page.empty()) options.bench.mistakes = kMistakesShown;
  const std::vector<std::string> types =
      options.types ? parse_types(*options.types) : std::vector<std::string>();
  const bool adapted = !options.model_options.lora.empty();
  BenchReport report = {
      model, options.bench.arithmetic, adapted ? "" : released_model_of(model), {}};
  // Of the model that conversions are made of, where there are types.
  options.bench.weights = Checkpoint::open(open_model(model)).sampled_digest();
  Asking asking(options, sets);
  std::optional<Failure> failure;
  try {
    ask_all(options, types, model, asking, report.runs);
  } catch (const std::exception&) {
    // What was measured before is printed.
    std::erase_if(report.runs, [](const BenchRun& run) { return run.results.empty(); });
    if (report.runs.empty()) throw;
    failure = current_failure();
    report.failure = failure->message;
  }
  print(report, options);
  if (!options.page.empty()) write_page(options.page, report);
  if (failure) {
    tell(fmt::format("owl3: {}\n", one_line(failure->message)));
    return failure->exit_code;
  }
  if (!was_interrupted(report.runs)) {
    tell_of_errors(report.runs);
    return 0;
  }
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
      "the pictures and films beside. Each reply is in the output folder's NAME.jsonl as soon as\n"
      "it is given: the same command goes on where one was ended, and takes in what shards have\n"
      "written there. Rows that could not be asked are asked again, and so are those whose lines\n"
      "are deleted from the file: a row whose film was broken has \"warning\" in its line.\n"
      "Answers that are not public become NAME.submission.json or .xlsx. A plan is a list of\n"
      "{type, ds_name, num_frames, cut_cfg, use_number}, as the official evaluation has it.\n"
      "docs/evaluation.md tells more.\n\n"
      "Examples:\n"
      "  owl3 eval bench pope_random gqa_testdev MODEL --data benchmarks\n"
      "  owl3 eval bench mvbench videomme MODEL --data benchmarks\n"
      "  owl3 eval bench plan.yaml MODEL --data benchmarks --report report.html\n"
      "  owl3 eval bench gqa_testdev MODEL --data benchmarks --types bf16,q8_0,q4_k\n"
      "  owl3 eval bench vqav2_test MODEL --data benchmarks --shard 2/8 -o vqav2");
  add_options(*command, *options);
  command->callback([options] {
    const int code = run(*options);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace owl3::cli
