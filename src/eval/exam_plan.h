// Which questions are asked, among which other images: a pure function of file, options and seed.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/question_file.h"

namespace owl3 {

struct PlanOptions {
  /// Numbers of distractors; empty: those of the file's exams, and for its single questions 0, 1,
  /// 5, 10, 20, 50, 100, 200, 400 as far as the file has pictures.
  std::vector<int64_t> counts;
  std::vector<Pointing> by = {Pointing::kContent, Pointing::kNumber};
  int64_t questions = 50;  // at most, for each count and way of pointing
  uint64_t seed = 0;       // which questions, which distractors, which places
};

/// By ascending number of distractors. Throws UsageError when the file can't give what is asked
/// for.
std::vector<Exam> plan_exams(const QuestionFile& file, const PlanOptions& options);

}  // namespace owl3
