// What `owl3 eval distractors` does, whoever is asked.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "eval/distractors_options.h"
#include "eval/evaluation.h"

namespace owl3 {

/// Somebody to ask, and what the report says of them.
struct Candidate {
  std::unique_ptr<Examinee> examinee;
  std::string device;
  std::function<VisualMemoryStats()> stats;
};

/// Loads the model. The callback shows progress, and says false when the user has had enough.
using LoadCandidate = std::function<Candidate(const ProgressCallback& progress)>;

/// Asks, prints, draws; returns the program's exit code.
int run_distractors(const EvalOptions& options, const LoadCandidate& load);

}  // namespace owl3
