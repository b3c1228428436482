// `owl3 eval`: how well a model answers.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/eval/eval_bench.h"
#include "cli/eval/eval_compare.h"
#include "cli/eval/eval_conversations.h"
#include "cli/models/load_model.h"
#include "eval/distractors_run.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

Candidate load_candidate(const EvalOptions& options, const ProgressCallback& progress) {
  const Model model = load_model(options.model, options.model_options);
  tell_warnings(model.warnings());
  auto examinee = std::make_unique<ModelExaminee>(model, options.examinee, progress);
  const VisualMemory memory = examinee->memory();
  return {std::move(examinee), model.device(), [memory] { return memory.stats(); }};
}

void add_distractors(CLI::App& eval) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = eval.add_subcommand(
      "distractors", "Distractor Resistance: ask about one image among N irrelevant ones");
  add_eval_options(*command, *options);
  command->callback([options] {
    const int code = run_distractors(*options, [&](const ProgressCallback& progress) {
      return load_candidate(*options, progress);
    });
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace

void add_eval_command(CLI::App& app) {
  CLI::App* eval = app.add_subcommand("eval", "Measure how well a model answers");
  eval->footer(
      "Examples:\n"
      "  owl3 eval bench gqa_testdev MODEL --data benchmarks\n"
      "  owl3 eval distractors MODEL --data questions.jsonl\n"
      "  owl3 eval conversations MODEL --data rows.jsonl");
  eval->require_subcommand(1);
  add_distractors(*eval);
  add_eval_bench(*eval);
  add_eval_compare(*eval);
  add_eval_conversations(*eval);
}

}  // namespace owl3::cli
