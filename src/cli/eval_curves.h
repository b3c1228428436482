// The curves of `owl3 eval distractors`: of one model with --plot, of several side by side with
// `owl3 plot`.
#pragma once

#include <string>
#include <vector>

#include "eval/evaluation.h"

namespace owl3::cli {

/// One model's cells, as far as they are drawn.
struct EvalCurves {
  struct Point {
    Pointing by = Pointing::kContent;
    double distractors = 0;
    double accuracy = 0;  // 0 to 1
    double first_token_seconds = 0;
    double visual_bytes = 0;
  };
  std::string name;  // in the legend; empty for a model alone
  std::vector<Point> points;
};

EvalCurves curves_of(const Evaluation& evaluation);

/// Whether the file is one of `owl3 eval distractors --json` by its name, rather than a run.
bool is_eval_report(const std::string& path);

/// Reads one; its stem becomes the name. Throws InputError.
EvalCurves read_eval_report(const std::string& path);

/// Accuracy, seconds to the first token and visual memory over the number of distractors, a panel
/// each. Throws what draw_charts() does.
void draw_eval_curves(const std::vector<EvalCurves>& models, const std::string& path);

}  // namespace owl3::cli
