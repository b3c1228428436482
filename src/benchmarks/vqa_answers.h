// Answers of a word or two, as the scorers of visual question answering compare them: without
// punctuation, articles and number words. Two scorers are in use, EvalAI's and that of the VQA
// data set, which differ in how they take punctuation; LLaVA-Interleave has its own beginning and
// end around the same middle.
#pragma once

#include <string>
#include <string_view>

#include "benchmarks/compatibility.h"

namespace owl3 {

enum class CommaRule {
  kEvalAi,  // one or more commas between digits: "1,,2"
  kVqa,     // one
};

/// Punctuation that touches a blank anywhere in the text is dropped, as is all of it where a comma
/// stands between digits; other punctuation becomes a blank. Full stops go unless a digit follows;
/// the official code takes only the first 32.
std::string remove_punctuation(std::string_view text, CommaRule commas, Compatibility mode);

/// Small letters, words with single blanks between; number words become digits, articles go, and
/// apostrophes are put back.
std::string digits_and_articles(std::string_view text);

/// EvalAI's processor, whole.
std::string evalai_answer(std::string_view reply, Compatibility mode);
/// What VQA's scorer makes of a reply before it compares it with the annotators' answers.
std::string vqa_answer(std::string_view reply, Compatibility mode);
/// LLaVA-Interleave's normalisation.
std::string llava_answer(std::string_view reply, Compatibility mode);

/// The digits of the words "none" to "ten"; any other text as it is.
std::string_view number_word(std::string_view word);

}  // namespace owl3
