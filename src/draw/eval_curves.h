// The curves of `owl3 eval distractors`, of one model or of several side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/exam.h"

namespace owl3::draw {

/// One model's cells, as far as they are drawn.
struct EvalCurves {
  struct Point {
    Pointing by = Pointing::kContent;
    double distractors = 0;
    double accuracy = 0;        // 0 to 1
    std::optional<double> led;  // right askings led by the image asked about, 0 to 1
    double first_token_seconds = 0;
    double visual_bytes = 0;
  };
  std::string name;  // in the legend; empty for a model alone
  std::vector<Point> points;
};

/// Whether the file is one of `owl3 eval distractors --json` by its name, rather than a run. "-" is
/// one on standard input.
bool is_eval_report(const std::string& path);

/// Reads one; its stem becomes the name, that of standard input is empty. Throws InputError.
EvalCurves read_eval_report(const std::string& path);

/// Accuracy, evidence where some is known, seconds to the first token and visual memory over the
/// number of distractors, a panel each. Throws what draw_charts() does.
void draw_eval_curves(const std::vector<EvalCurves>& models, const std::string& path);

}  // namespace owl3::draw
