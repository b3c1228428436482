// `owl3 batch`: the same questions about many pictures, films or rows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_runner.h"
#include "cli/batch/batch_course.h"
#include "cli/batch/batch_merge_command.h"
#include "cli/batch/batch_options.h"
#include "cli/batch/batch_output.h"
#include "cli/batch/batch_requests.h"
#include "cli/chat/chat_session.h"
#include "cli/chat/question_text.h"
#include "cli/commands.h"
#include "cli/left_out.h"
#include "cli/models/fetching.h"
#include "cli/models/load_model.h"
#include "generate/sampler.h"
#include "program/interrupt.h"

namespace owl3::cli {

namespace {

constexpr const char* kFooter =
    "A row is {\"index\", \"item\", \"answer\", \"stop\", \"tokens\"}, in the order of the items; "
    "one\n"
    "that can't be answered has an \"error\" in place of the answer, and the run goes on. "
    "Whatever\n"
    "ends a run with -o, the same command with --resume goes on with it.\n\n"
    "Examples:\n"
    "  owl3 batch MODEL --each 'photos/**' -p 'Describe the picture.' -o captions.jsonl\n"
    "  owl3 batch MODEL --each photos/ --choices 'cat,dog,other' -p 'What is it?' -o labels.csv\n"
    "  owl3 batch MODEL --each photos/ --choices 'yes,no' --choice-probs -p 'Is anyone in it?'\n"
    "  owl3 batch MODEL --each photos/ --side txt -p 'Describe the picture.' -o all.jsonl\n"
    "  owl3 batch MODEL --each photos/ --side xmp -p - -o all.jsonl < question.txt\n"
    "  owl3 batch MODEL --input rows.csv -p 'Does this show {caption}?' --choices yes,no\n"
    "  owl3 batch MODEL --openai requests.jsonl --name gpt-4o-mini -o results.jsonl\n"
    "  owl3 batch MODEL --each 'scans/**' --group-by folder -p 'Which page has the map?'\n"
    "  owl3 batch MODEL --each 'films/**' --segments 60s -p 'What happens?' -o log.jsonl\n"
    "  owl3 batch MODEL --each film.mp4 --segments 60s -p 'What happens?' -o film.srt\n"
    "  owl3 batch MODEL --each 'photos/**' --shard 2/8 -p 'What is this?' -o 2.jsonl\n"
    "  owl3 batch merge 1.jsonl 2.jsonl -o all.jsonl";

/// -p -, which stands for standard input.
void read_prompts(std::vector<std::string>& prompts) {
  const InterruptGuard interrupt;
  for (std::string& prompt : prompts) {
    prompt = question_text(prompt, interrupt);
    check_question(prompt);
  }
}

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

void run_batch(BatchArguments arguments) {
  check_batch_arguments(arguments);
  if (!arguments.requests.file.empty()) return run_requests(arguments);
  read_prompts(arguments.prompts);
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
  run_to_the_end(
      arguments, output, [&](const BatchCourse& course) { runner.run(course); },
      [&] { return runner.memory(); });
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
