// `owl3 eval`: how well a model answers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/eval_options.h"
#include "cli/eval_report.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/progress_bar.h"
#include "cli/terminal.h"
#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3::cli {

namespace {

/// What can't be drawn is told before an hour of asking, not after.
void check_plot(const std::string& path) {
  if (!path.empty() && !path.ends_with(".svg") && !path.ends_with(".png")) {
    throw UsageError(fmt::format("--plot {}: must end in .svg or .png", path));
  }
}

std::vector<Exam> plan(const EvalOptions& options) {
  std::vector<Exam> exams = plan_exams(read_question_file(options.data), options.plan);
  const auto limit = static_cast<size_t>(options.limit);
  if (limit > 0 && exams.size() > limit) exams.resize(limit);
  return exams;
}

int run_distractors(const EvalOptions& options) {
  check_plot(options.plot);
  const std::vector<Exam> exams = plan(options);
  const Model model = Model::load(options.model, options.model_options);
  const InterruptGuard interrupt;
  std::optional<AtomicFile> replies;
  std::optional<WriteGuard> unfinished_parts_go;
  if (!options.replies.empty()) {
    unfinished_parts_go.emplace();
    replies.emplace(options.replies);
  }
  ProgressBar bar;
  ModelExaminee examinee(model, options.examinee,
                         [&](std::string_view stage, int64_t done, int64_t total) {
                           if (stage == "encoding images") bar.update(stage, done, total);
                           return !interrupt.interrupted();
                         });
  const Evaluation evaluation = evaluate(
      exams, examinee,
      [&](const Exam&, int64_t done, int64_t total) { bar.update("asking", done, total); },
      [&](const Exam& exam, const Ask& ask, const Reply& reply, bool right) {
        if (replies) replies->write(reply_line(exam, ask, reply, right));
      });
  bar.erase();
  if (replies) replies->commit();
  if (evaluation.interrupted) tell("owl3: interrupted; of the questions asked so far:\n");
  fmt::print("{}", eval_report(evaluation, {options, model.device(), command_line(),
                                            examinee.memory().stats()}));
  if (!options.plot.empty() && !evaluation.cells.empty()) {
    plot_evaluation(evaluation, options.plot);
  }
  return evaluation.interrupted ? interrupted_exit_code() : 0;
}

void add_distractors(CLI::App& eval) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = eval.add_subcommand(
      "distractors", "Distractor Resistance: ask about one image among N irrelevant ones");
  add_eval_options(*command, *options);
  command->callback([options] {
    const int code = run_distractors(*options);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace

void add_eval_command(CLI::App& app) {
  CLI::App* eval = app.add_subcommand("eval", "Measure how well a model answers");
  eval->footer(
      "Examples:\n"
      "  owl3 eval distractors MODEL --data questions.jsonl");
  eval->require_subcommand(1);
  add_distractors(*eval);
}

}  // namespace owl3::cli
