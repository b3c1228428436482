#include "benchmarks/llava_answers.h"

#include "benchmarks/python_text.h"
#include "benchmarks/rouge.h"
#include "benchmarks/vqa_answers.h"

namespace owl3 {

namespace {

constexpr size_t kMostCharacters = 512;

std::string letter_after_colon(const std::string& prediction) {
  if (!python::contains(prediction, ":")) return prediction;
  std::string result = prediction;
  for (std::string_view part : python::split(prediction, ":")) {
    part = python::strip(part);
    if (part.size() == 1 && part[0] >= 'a' && part[0] <= 'h') result.assign(1, part[0]);
  }
  return result;
}

}  // namespace

LlavaComparison compare_choice(std::string_view reply, std::string_view reference, int times) {
  LlavaComparison result{std::string(reply), std::string(reference)};
  for (int i = 0; i < times; ++i) {
    result.prediction = llava_answer(result.prediction, Compatibility::kOfficial);
    result.reference = llava_answer(result.reference, Compatibility::kOfficial);
  }
  result.prediction = letter_after_colon(result.prediction);
  return result;
}

LlavaRouge compare_open(std::string_view reply, std::string_view reference, Compatibility mode) {
  LlavaRouge result{llava_answer(reply, mode), llava_answer(reference, mode), std::nullopt};
  if (result.reference.empty()) return result;
  result.score = 0;
  if (!result.prediction.empty()) {
    result.score =
        rouge_l(python::first_characters(result.prediction, kMostCharacters), result.reference);
  }
  return result;
}

}  // namespace owl3
