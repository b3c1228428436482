#include "benchmarks/vqa_answers.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "benchmarks/contractions.h"
#include "benchmarks/python_text.h"

namespace owl3 {

namespace {

using python::Character;

constexpr std::string_view kPunctuation = "!\"()+,-/;<=>?@[\\]_`{}";

/// The official code passes a flag (32) where its library expects how many to replace at most.
constexpr size_t kOfficialMostPeriods = 32;

bool has_comma_between_digits(std::string_view text, CommaRule rule) {
  if (!python::contains(text, ",")) return false;
  const std::vector<Character> all = python::characters(text);
  for (size_t i = 1; i + 1 < all.size(); ++i) {
    if (all[i].code_point != ',' || !python::is_digit(all[i - 1].code_point)) continue;
    size_t after = i + 1;
    while (rule == CommaRule::kEvalAi && after < all.size() && all[after].code_point == ',') {
      ++after;
    }
    if (after < all.size() && python::is_digit(all[after].code_point)) return true;
  }
  return false;
}

/// Without the first `most` full stops that no digit follows.
std::string remove_periods(std::string_view text, size_t most) {
  const std::vector<Character> all = python::characters(text);
  std::string result;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    if (most > 0 && all[i].code_point == '.' &&
        (last || !python::is_digit(all[i + 1].code_point))) {
      --most;
      continue;
    }
    const size_t end = last ? text.size() : all[i + 1].begin;
    result.append(text.substr(all[i].begin, end - all[i].begin));
  }
  return result;
}

bool is_article(std::string_view word) {
  return word == "a" || word == "an" || word == "the";
}

std::string on_one_line(std::string_view text) {
  std::string result(text);
  std::replace(result.begin(), result.end(), '\n', ' ');
  std::replace(result.begin(), result.end(), '\t', ' ');
  return std::string(python::strip(result));
}

}  // namespace

std::string_view number_word(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
      {"none", "0"}, {"zero", "0"}, {"one", "1"},   {"two", "2"},   {"three", "3"}, {"four", "4"},
      {"five", "5"}, {"six", "6"},  {"seven", "7"}, {"eight", "8"}, {"nine", "9"},  {"ten", "10"}};
  for (const auto& [name, digits] : kNumbers) {
    if (name == word) return digits;
  }
  return word;
}

std::string remove_punctuation(std::string_view text, CommaRule commas, Compatibility mode) {
  const bool in_number = has_comma_between_digits(text, commas);
  std::string result(text);
  for (const char mark : kPunctuation) {
    const bool drops = in_number || python::contains(text, {std::string{mark, ' '}}) ||
                       python::contains(text, {std::string{' ', mark}});
    result = python::replace_all(result, {&mark, 1}, drops ? "" : " ");
  }
  return remove_periods(result, mode == Compatibility::kOfficial
                                    ? kOfficialMostPeriods
                                    : std::numeric_limits<size_t>::max());
}

std::string digits_and_articles(std::string_view text) {
  const std::string small = python::lower(text);
  std::vector<std::string> words;
  for (std::string_view word : python::split(small)) {
    word = number_word(word);
    if (!is_article(word)) words.push_back(restore_apostrophe(word));
  }
  return python::join(words, " ");
}

std::string evalai_answer(std::string_view reply, Compatibility mode) {
  std::string text = python::lower(reply);
  text = python::replace_all(text, ",", "");
  text = python::replace_all(text, "?", "");
  text = python::replace_all(text, "'s", " 's");
  text = on_one_line(python::strip(text));
  return digits_and_articles(remove_punctuation(text, CommaRule::kEvalAi, mode));
}

std::string vqa_answer(std::string_view reply, Compatibility mode) {
  return digits_and_articles(remove_punctuation(on_one_line(reply), CommaRule::kVqa, mode));
}

std::string llava_answer(std::string_view reply, Compatibility mode) {
  const std::string plain = remove_punctuation(on_one_line(reply), CommaRule::kVqa, mode);
  std::string_view text = plain;
  for (const char mark : {'\'', '"', ')', '('}) text = python::strip(text, mark);
  return python::lower(python::strip(text));
}

}  // namespace owl3
