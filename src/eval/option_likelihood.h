// How likely a model holds given replies to a question.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eval/exam.h"
#include "owl3/owl3.h"
#include "text/prompt.h"

namespace owl3 {

/// The reply that chooses an option: its letter where options are lettered; the right sentence with
/// that option in the right one's place ("The ground is red."); else the option's own words.
std::string reply_with_option(const Ask& ask, size_t option);

class OptionLikelihood {
 public:
  OptionLikelihood(Model model, std::string system,
                   ControlTokens control_tokens = ControlTokens::kText);
  ~OptionLikelihood();

  /// Reads the question; returns the seconds that took, after which a first token could be chosen.
  double read(const std::string& text, const std::vector<Medium>& media,
              const ProgressCallback& progress);
  /// log p of these words and the end of the answer behind the question.
  double log_probability(const std::string& reply);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace owl3
