#include "cli/eval_run.h"

#include <fmt/format.h>

#include "cli/eval_curves.h"
#include "cli/eval_report.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/progress_bar.h"
#include "cli/replies_file.h"
#include "cli/terminal.h"
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

}  // namespace

int run_distractors(const EvalOptions& options, const LoadCandidate& load) {
  check_plot(options.plot);
  const std::vector<Exam> exams = plan(options);
  const InterruptGuard interrupt;
  RepliesFile replies(options.replies);
  ProgressBar bar;
  const Candidate candidate = load([&](std::string_view stage, int64_t done, int64_t total) {
    if (stage == "encoding images") bar.update(stage, done, total);
    return !interrupt.interrupted();
  });
  const Evaluation evaluation = evaluate(
      exams, *candidate.examinee,
      [&](const Exam&, int64_t done, int64_t total) { bar.update("asking", done, total); },
      [&](const Exam& exam, const Ask& ask, const Reply& reply, bool right) {
        replies.write(reply_line(exam, ask, reply, right));
      });
  bar.erase();
  replies.commit();
  tell_warnings(candidate.examinee->warnings());
  if (evaluation.interrupted) tell("owl3: interrupted; of the questions asked so far:\n");
  fmt::print("{}", eval_report(evaluation,
                               {options, candidate.device, command_line(), candidate.stats()}));
  if (!options.plot.empty() && !evaluation.cells.empty()) {
    draw_eval_curves({curves_of(evaluation)}, options.plot);
  }
  return evaluation.interrupted ? interrupted_exit_code() : 0;
}

}  // namespace owl3::cli
