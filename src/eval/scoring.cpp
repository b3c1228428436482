#include "eval/scoring.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace owl3 {

namespace {

using Words = std::vector<std::string>;

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_word_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || is_capital(c) || (c >= '0' && c <= '9') || byte >= 0x80;
}

/// The capital that stands alone as an option's letter: "B", "B. green", "The answer is B". An A
/// or I before another word is English.
std::optional<size_t> named_letter(const std::string& reply, size_t options) {
  for (size_t i = 0; i < reply.size(); ++i) {
    if (!is_capital(reply[i])) continue;
    const bool begins = i == 0 || !is_word_character(reply[i - 1]);
    const bool ends = i + 1 == reply.size() || !is_word_character(reply[i + 1]);
    if (!begins || !ends || static_cast<size_t>(reply[i] - 'A') >= options) continue;
    const bool may_be_word = reply[i] == 'A' || reply[i] == 'I';
    if (may_be_word && i + 1 < reply.size() && (reply[i + 1] == ' ' || reply[i + 1] == '\'')) {
      continue;
    }
    return static_cast<size_t>(reply[i] - 'A');
  }
  return std::nullopt;
}

bool stands_at(const Words& words, size_t at, const Words& part) {
  return at + part.size() <= words.size() &&
         std::equal(part.begin(), part.end(), words.begin() + static_cast<std::ptrdiff_t>(at));
}

/// How many words of the reply repeat what the right sentence says before its answer: all of "The
/// ground behind the brown cross is", so that this brown names no option. None unless all do.
size_t words_before_answer(const Words& reply, const Ask& ask, const Words& right) {
  const Words sentence = words_of(ask.sentence);
  const auto answer = std::find_end(sentence.begin(), sentence.end(), right.begin(), right.end());
  const Words before(sentence.begin(), answer);
  return answer != sentence.end() && stands_at(reply, 0, before) ? before.size() : 0;
}

}  // namespace

Words words_of(std::string_view text) {
  Words words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && word != "a" && word != "an" && word != "the") words.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    if (!is_word_character(c)) {
      end_word();
    } else {
      word += is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  end_word();
  return words;
}

bool has_words(const Words& words, const Words& part) {
  return std::search(words.begin(), words.end(), part.begin(), part.end()) != words.end();
}

std::optional<size_t> named_option(const std::string& reply, const Ask& ask) {
  if (ask.lettered) {
    if (const auto letter = named_letter(reply, ask.options.size())) return letter;
  }
  std::vector<Words> options;
  for (const std::string& option : ask.options) options.push_back(words_of(option));
  const Words words = words_of(reply);
  std::set<size_t> named;
  const size_t begin = ask.right ? words_before_answer(words, ask, options[*ask.right]) : 0;
  for (size_t at = begin; at < words.size();) {
    std::optional<size_t> longest;
    for (size_t i = 0; i < options.size(); ++i) {
      if (!stands_at(words, at, options[i])) continue;
      if (!longest || options[i].size() > options[*longest].size()) longest = i;
    }
    if (longest) named.insert(*longest);
    at += longest ? options[*longest].size() : 1;
  }
  if (named.size() != 1) return std::nullopt;
  return *named.begin();
}

bool is_right(const std::string& reply, const Ask& ask) {
  if (ask.right) return named_option(reply, ask) == ask.right;
  return has_words(words_of(reply), words_of(ask.answer));
}

Interval confidence_interval(int64_t right, int64_t total) {
  if (total == 0) return {};
  constexpr double z = 1.959964;  // of a normal distribution, 2.5 % lie above
  const auto n = static_cast<double>(total);
  const double share = static_cast<double>(right) / n;
  const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half =
      z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace owl3
