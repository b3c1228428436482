// `owl3 batch`: the same questions about many pictures, films or rows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "batch/batch_works.h"
#include "cli/batch/batch_merge_command.h"
#include "cli/batch/batch_options.h"
#include "cli/batch/batch_output.h"
#include "cli/commands.h"
#include "cli/left_out.h"
#include "cli/models/fetching.h"
#include "cli/models/load_model.h"
#include "core/counted.h"
#include "core/error.h"
#include "generate/sampler.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kFooter =
    "A row is {\"index\", \"item\", \"answer\", \"stop\", \"tokens\"}, in the order of the items; "
    "one\n"
    "that can't be answered has an \"error\" in place of the answer, and the run goes on. "
    "Whatever\n"
    "ends a run, the same command with --resume goes on with it.\n\n"
    "Examples:\n"
    "  owl3 batch MODEL --each 'photos/**' -p 'Describe the picture.' -o captions.jsonl\n"
    "  owl3 batch MODEL --each photos/ --choices 'cat,dog,other' -p 'What is it?' -o labels.csv\n"
    "  owl3 batch MODEL --each photos/ --side txt -p 'Describe the picture.'\n"
    "  owl3 batch MODEL --input rows.csv -p 'Does this show {caption}?' --choices yes,no\n"
    "  owl3 batch MODEL --each 'scans/**' --group-by folder -p 'Which page has the map?'\n"
    "  owl3 batch MODEL --each 'films/**' --segments 60s -p 'What happens?' -o log.jsonl\n"
    "  owl3 batch MODEL --each film.mp4 --segments 60s -p 'What happens?' -o film.srt\n"
    "  owl3 batch MODEL --each 'photos/**' --shard 2/8 -p 'What is this?' -o 2.jsonl\n"
    "  owl3 batch merge 1.jsonl 2.jsonl -o all.jsonl";

std::unique_ptr<BatchInput> input_of(const BatchArguments& arguments) {
  if (!arguments.input.empty()) return items_of_rows(arguments.input, arguments.columns);
  const MediaFiles found = find_files_of_batch(arguments.each);
  tell_left_out(found.left_out);
  if (arguments.segment_seconds > 0) {
    ProgressBar bar;
    return items_of_segments(
        found.files, arguments.film_cut(), arguments.parallel,
        [&](int64_t done, int64_t total) { bar.update("looking at films", done, total); });
  }
  return items_of(found.files, arguments.grouping());
}

BatchQuestions questions_of(const BatchArguments& arguments, const BatchInput& input) {
  BatchQuestions questions{arguments.prompts, {}};
  if (!input.has_rows()) return questions;
  for (const std::string& prompt : arguments.prompts) questions.templates.emplace_back(prompt);
  return questions;
}

BatchOptions options_of(const BatchArguments& arguments, const Model& model) {
  BatchOptions options;
  options.parallel = arguments.parallel;
  options.image = arguments.image;
  options.video = arguments.video;
  options.chat = arguments.chat;
  options.generation = arguments.generation.over(model, model.generation_defaults());
  check_generation_options(options.generation);
  return options;
}

/// Both passes over what is to be asked: what failed before, and what was never asked.
void ask_all(BatchRunner& runner, BatchOutput& output) {
  ProgressBar bar;
  const auto pass = [&](BatchWorks& works, const BatchRunner::OnRows& on_rows) {
    const int64_t before = output.plan().rows() - works.rows();
    int64_t done = 0;
    runner.run([&] { return works.next(); },
               [&](const BatchWork& work, const std::vector<BatchRow>& rows) {
                 done += std::ssize(rows);
                 on_rows(work, rows);
               },
               [&] { bar.update("asking", before + done, output.plan().rows()); });
  };
  if (const std::vector<int64_t> failed = output.failed(); !failed.empty()) {
    BatchWorks works(output.plan(), failed);
    try {
      pass(works, [&](const BatchWork& work, const auto& rows) { output.keep(work, rows); });
    } catch (...) {
      output.put_in_place();  // what was answered until then
      throw;
    }
    output.put_in_place();
  }
  BatchWorks rest(output.plan(), output.rows());
  pass(rest, [&](const BatchWork&, const auto& rows) { output.write(rows); });
}

std::string summary(const BatchCounts& counts, int64_t images, double seconds) {
  std::string text = "owl3: " + counted(counts.rows, "row");
  if (counts.failed > 0) text += fmt::format(", {} failed", counts.failed);
  text += fmt::format(" in {:.1f} s", seconds);
  if (counts.rows == 0 || seconds <= 0) return text + "\n";
  return text + fmt::format(": {:.1f} images/s, {:.1f} tokens/s\n",
                            static_cast<double>(images) / seconds,
                            static_cast<double>(counts.tokens) / seconds);
}

[[noreturn]] void tell_how_to_go_on(const BatchArguments& arguments, const BatchOutput& output) {
  const int64_t all = output.plan().rows();
  if (arguments.out.empty()) {
    throw Interrupted(fmt::format("interrupted after {} of {}; with -o a run can be gone on with",
                                  output.counts().rows, counted(all, "row")));
  }
  throw Interrupted(
      fmt::format("interrupted: {} has {} of {}; the same command with --resume goes on",
                  arguments.rows_file(), output.rows(), counted(all, "row")));
}

void tell_of_failures(const BatchArguments& arguments, const BatchOutput& output) {
  const BatchCounts& counts = output.counts();
  if (counts.failed == 0) return;
  const std::string how = arguments.out.empty() ? "with -o, --retry-failed could ask them again"
                                                : "--retry-failed asks them again";
  throw InputError(fmt::format("{} of {} failed ({}); {}", counts.failed,
                               counted(counts.rows, "row"), counts.first_error, how));
}

void run_batch(BatchArguments arguments) {
  check_batch_arguments(arguments);
  arguments.generation.form = read_form(arguments.form);
  const std::unique_ptr<BatchInput> input = input_of(arguments);
  const BatchQuestions questions = questions_of(arguments, *input);
  BatchOutput output(arguments, *input);
  if (!arguments.model.empty()) offer_to_fetch(arguments.model);
  if (arguments.model.empty()) tell_of_builtin_model();
  InterruptGuard interrupt;
  const Model model = load_model_visibly(arguments.model, arguments.model_options);
  BatchRunner runner(model, *input, questions, options_of(arguments, model),
                     [&] { return !interrupt.interrupted(); });
  if (!input->has_rows()) runner.check(input->item(0));
  output.open();
  const auto start = Clock::now();
  const auto tell_summary = [&] {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const VisualMemoryStats memory = runner.memory();
    tell(summary(output.counts(), memory.images_encoded + memory.images_reused, seconds));
  };
  try {
    ask_all(runner, output);
  } catch (const Interrupted&) {
    tell_summary();
    tell_how_to_go_on(arguments, output);
  }
  tell_summary();
  tell_of_failures(arguments, output);
}

}  // namespace

void add_batch_command(CLI::App& app) {
  auto arguments = std::make_shared<BatchArguments>();
  CLI::App* command = app.add_subcommand(
      "batch", "Ask the same about many pictures, films or rows, into one file of answers");
  command->footer(kFooter);
  add_batch_options(*command, *arguments);
  add_batch_merge_command(*command);
  command->callback([command, arguments] {
    if (command->get_subcommands().empty()) run_batch(*arguments);
  });
}

}  // namespace owl3::cli
