// A model that takes exams: every picture is encoded once and remembered for all questions.
#pragma once

#include <string>

#include "eval/evaluation.h"
#include "eval/picture_memory.h"
#include "owl3/owl3.h"

namespace owl3 {

enum class Scoring {
  kText,        // what the model says, greedily
  kLikelihood,  // which option it holds for the likeliest reply
};

struct ExamineeOptions {
  Scoring scoring = Scoring::kText;
  int64_t max_new_tokens = 48;
  std::string system;
  bool control_tokens = false;  // written out in texts, they work: ChatOptions::control_tokens
};

class ModelExaminee : public Examinee {
 public:
  ModelExaminee(Model model, const ExamineeOptions& options, ProgressCallback progress);

  void check(const Exam& exam) const override;
  /// Throws UsageError where options are to be scored and the exam has none, InputError for
  /// pictures that can't be read.
  Reply reply(const Exam& exam, const Ask& ask) override;
  std::vector<std::string> warnings() const override { return pictures_.warnings(); }

  const VisualMemory& memory() const { return pictures_.memory(); }

 private:
  Reply reply_in_text(const Ask& ask, const std::vector<Medium>& media);
  Reply reply_by_likelihood(const Ask& ask, const std::vector<Medium>& media);

  Model model_;
  ExamineeOptions options_;
  ProgressCallback progress_;
  PictureMemory pictures_;
};

}  // namespace owl3
