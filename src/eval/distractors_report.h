// What `owl3 eval distractors` prints.
#pragma once

#include <string>

#include "eval/distractors_options.h"
#include "eval/evaluation.h"

namespace owl3 {

/// What there is beside the cells to tell.
struct EvalSetting {
  const EvalOptions& options;
  std::string device;
  std::string command_line;
  VisualMemoryStats visual;
};

/// Table, Markdown or JSON, as the options say.
std::string eval_report(const Evaluation& evaluation, const EvalSetting& setting);

/// As JSON, whatever the options say.
std::string eval_json(const Evaluation& evaluation, const EvalSetting& setting);

/// An asking and its reply as one line of JSON.
std::string reply_line(const Exam& exam, const Ask& ask, const Reply& reply, bool right);

}  // namespace owl3
