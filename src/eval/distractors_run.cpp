#include "eval/distractors_run.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/machine.h"
#include "core/own_files.h"
#include "eval/distractors_report.h"
#include "eval/replies_file.h"
#include "program/companion.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

/// What can't be drawn is told before an hour of asking, not after.
void check_plot(const std::string& path) {
  if (path.empty()) return;
  if (!path.ends_with(".svg") && !path.ends_with(".png")) {
    throw UsageError(fmt::format("--plot {}: must end in .svg or .png", path));
  }
  check_replaceable(path, OwnFile::kChart);
  find_companion(Companion::kDraw);
}

/// The companion has told on standard error what went wrong.
int draw_plot(const Evaluation& evaluation, const EvalSetting& setting, const std::string& path) {
  return run_companion(Companion::kDraw, {"plot", "-", "--out", path},
                       eval_json(evaluation, setting));
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
  const EvalSetting setting{options, candidate.device, command_line(), candidate.stats()};
  fmt::print("{}", eval_report(evaluation, setting));
  if (!options.plot.empty() && !evaluation.cells.empty()) {
    const int code = draw_plot(evaluation, setting, options.plot);
    if (code != 0) return code;
  }
  return evaluation.interrupted ? interrupted_exit_code() : 0;
}

}  // namespace owl3
