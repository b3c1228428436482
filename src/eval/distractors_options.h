// The options of `owl3 eval distractors`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/exam_plan.h"
#include "eval/model_examinee.h"

namespace CLI {
class App;
}

namespace owl3 {

enum class EvalFormat { kTable, kMarkdown, kJson };

struct EvalOptions {
  std::string model;
  std::string data;
  PlanOptions plan;
  int64_t limit = 0;  // questions in all; 0: no limit
  ExamineeOptions examinee;
  ModelOptions model_options;
  EvalFormat format = EvalFormat::kTable;
  std::string plot;     // .svg or .png; empty: none
  std::string replies;  // a JSONL file; empty: none
};

void add_eval_options(CLI::App& command, EvalOptions& options);
/// Those of them that don't depend on who is asked: model, questions, threads, output.
void add_exam_options(CLI::App& command, EvalOptions& options);

}  // namespace owl3
