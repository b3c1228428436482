// What the model's authors report for the released models, to hold one's own numbers against.
#pragma once

#include <string>
#include <vector>

namespace owl3 {

/// A number of the paper's tables, or of the released repository's, in percent.
struct PublishedScore {
  std::string what;  // as the table calls it: "POPE", "Mantis"
  double percent = 0;
};

/// Those of a data set, for a released model by its short name ("owl3-7b"); none where the authors
/// give none.
std::vector<PublishedScore> published_scores(const std::string& benchmark,
                                             const std::string& model);

}  // namespace owl3
