// ROUGE-L of two texts, as the Python package rouge 1.0.1 computes it.
#pragma once

#include <string_view>

namespace owl3 {

/// The f-measure of the longest common subsequences of all pairs of sentences, over sets of words:
/// 2pr / (p + r + 1e-8), with p and r the union's size over each text's count of different words.
/// Sentences end at every full stop. Throws InputError where a text has no sentence.
double rouge_l(std::string_view prediction, std::string_view reference);

}  // namespace owl3
