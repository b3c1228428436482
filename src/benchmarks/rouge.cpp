#include "benchmarks/rouge.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "benchmarks/python_text.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Words = std::vector<std::string_view>;

std::vector<Words> sentences(std::string_view text, const char* which) {
  std::vector<Words> found;
  for (const std::string_view part : python::split(text, ".")) {
    if (part.empty()) continue;
    Words words = python::split(part);
    if (words.empty()) words.emplace_back();  // a blank sentence is an empty word
    found.push_back(std::move(words));
  }
  if (found.empty()) {
    throw InputError(
        fmt::format("ROUGE-L is not defined: the {} has nothing but full stops", which));
  }
  return found;
}

size_t different_words(const std::vector<Words>& text) {
  std::set<std::string_view> words;
  for (const Words& sentence : text) words.insert(sentence.begin(), sentence.end());
  return words.size();
}

/// Adds the words of one longest common subsequence. Of several it is the one found by going from
/// the end to the left, up only where that keeps a longer one.
void add_common_words(const Words& reference, const Words& prediction,
                      std::set<std::string_view>& words) {
  const size_t columns = prediction.size() + 1;
  std::vector<uint32_t> length((reference.size() + 1) * columns, 0);
  for (size_t i = 1; i <= reference.size(); ++i) {
    for (size_t j = 1; j < columns; ++j) {
      const uint32_t up = length[(i - 1) * columns + j], left = length[i * columns + j - 1];
      length[i * columns + j] = reference[i - 1] == prediction[j - 1]
                                    ? length[(i - 1) * columns + j - 1] + 1
                                    : std::max(up, left);
    }
  }
  size_t i = reference.size(), j = prediction.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == prediction[j - 1]) {
      words.insert(reference[i - 1]);
      --i;
      --j;
    } else if (length[(i - 1) * columns + j] > length[i * columns + j - 1]) {
      --i;
    } else {
      --j;
    }
  }
}

}  // namespace

double rouge_l(std::string_view prediction, std::string_view reference) {
  const std::vector<Words> theirs = sentences(reference, "reference");
  const std::vector<Words> ours = sentences(prediction, "prediction");
  std::set<std::string_view> common;
  for (const Words& wanted : theirs) {
    for (const Words& said : ours) add_common_words(wanted, said, common);
  }
  const auto hits = static_cast<double>(common.size());
  const double recall = hits / static_cast<double>(different_words(theirs));
  const double precision = hits / static_cast<double>(different_words(ours));
  return 2.0 * ((precision * recall) / (precision + recall + 1e-8));
}

}  // namespace owl3
