#include "owlet/score.h"

#include <cctype>
#include <string>

#include "owlet/place.h"

namespace owl3 {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Whether a word ends between the two: between letters, or digits, none does.
bool word_ends_between(char before, char after) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  return !(letter(before) && letter(after)) && !(digit(before) && digit(after));
}

/// Where the words end in the text, at or after `from`; npos when they are not there.
size_t end_of_words(std::string_view text, std::string_view words, size_t from = 0) {
  if (words.empty()) return text.npos;
  for (size_t at = text.find(words, from); at != text.npos; at = text.find(words, at + 1)) {
    const size_t end = at + words.size();
    const bool begins = at == 0 || word_ends_between(text[at - 1], text[at]);
    const bool ends = end == text.size() || word_ends_between(text[end - 1], text[end]);
    if (begins && ends) return end;
  }
  return text.npos;
}

bool has_words(std::string_view text, std::string_view words) {
  return end_of_words(text, words) != text.npos;
}

/// Whether all parts of "owl, pear, car" are in the text, in this order.
bool has_parts(std::string_view text, std::string_view parts) {
  constexpr std::string_view comma = ", ";
  size_t from = 0;
  while (true) {
    const size_t end = parts.find(comma);
    from = end_of_words(text, parts.substr(0, end), from);
    if (from == text.npos) return false;
    if (end == parts.npos) return true;
    parts.remove_prefix(end + comma.size());
  }
}

}  // namespace

bool is_right_answer(std::string_view answer, std::string_view key) {
  const std::string said = lower(answer);
  const std::string wanted = lower(key);
  if (!has_parts(said, wanted)) return false;
  for (int i = 0; i < kPlaces; ++i) {
    const std::string_view place = name_of(static_cast<Place>(i));
    const bool part_of_it = place.size() > wanted.size() && has_words(place, wanted);
    if (part_of_it && has_words(said, place)) return false;
  }
  return true;
}

}  // namespace owl3
