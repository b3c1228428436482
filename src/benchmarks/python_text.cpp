#include "benchmarks/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "text/utf8.h"

namespace owl3::python {

namespace {

/// Letters, numbers and marks that Unicode 15 brought: Python 3.11 knows none of them.
constexpr std::pair<char32_t, char32_t> kLaterThanUnicode14[] = {
    {0xECE, 0xECE},     {0x10EFD, 0x10EFF}, {0x1123F, 0x11241}, {0x11F00, 0x11F02},
    {0x11F04, 0x11F10}, {0x11F12, 0x11F33}, {0x11F36, 0x11F3A}, {0x11F40, 0x11F40},
    {0x11F42, 0x11F42}, {0x11F50, 0x11F59}, {0x1342F, 0x1342F}, {0x13439, 0x13455},
    {0x1B132, 0x1B132}, {0x1B155, 0x1B155}, {0x1D2C0, 0x1D2D3}, {0x1DF25, 0x1DF2A},
    {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E4D0, 0x1E4F9}, {0x2B739, 0x2B739},
    {0x31350, 0x323AF},
};

/// What is no small, capital or title letter by category, but cased all the same.
constexpr std::pair<char32_t, char32_t> kOtherCased[] = {
    {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2160, 0x217F},   {0x24B6, 0x24E9},
    {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
};

/// Apostrophes, colons, full stops and the like, which stand within words.
constexpr char32_t kWithinWords[] = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                     0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                     0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};

template <size_t kCount>
bool in_ranges(const std::pair<char32_t, char32_t> (&ranges)[kCount], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const auto& range) { return c >= range.first && c <= range.second; });
}

utf8proc_category_t category(char32_t c) {
  if (in_ranges(kLaterThanUnicode14, c)) return UTF8PROC_CATEGORY_CN;
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_cased(char32_t c) {
  const utf8proc_category_t kind = category(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
         kind == UTF8PROC_CATEGORY_LT || in_ranges(kOtherCased, c);
}

bool is_case_ignorable(char32_t c) {
  if (std::find(std::begin(kWithinWords), std::end(kWithinWords), c) != std::end(kWithinWords)) {
    return true;
  }
  const utf8proc_category_t kind = category(c);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
         kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_LM ||
         kind == UTF8PROC_CATEGORY_SK;
}

/// Final_Sigma of the Unicode standard: a cased letter before it and none after it, seen past
/// whatever the case of a word ignores.
bool is_final_sigma(const std::vector<Character>& text, size_t place) {
  size_t i = place;
  while (i > 0 && is_case_ignorable(text[i - 1].code_point)) --i;
  if (i == 0 || !is_cased(text[i - 1].code_point)) return false;
  i = place + 1;
  while (i < text.size() && is_case_ignorable(text[i].code_point)) ++i;
  return i == text.size() || !is_cased(text[i].code_point);
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

/// How long the beginning that is white space is, in bytes.
size_t leading_space(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const Utf8Character next = first_character(text.substr(i));
    if (next.state != Utf8State::kValid || !is_space(next.code_point)) break;
    i += next.length;
  }
  return i;
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x1C && c <= 0x1F) || is_white_space(c);
}

bool is_digit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_word(char32_t c) {
  if (c == '_') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> found;
  found.reserve(text.size());
  size_t i = 0;
  while (i < text.size()) {
    const Utf8Character next = first_character(text.substr(i));
    found.push_back({next.state == Utf8State::kValid ? next.code_point : U'\uFFFD', i});
    i += next.length;
  }
  return found;
}

std::string lower(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  if (is_ascii(text)) {
    for (const char c : text) {
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return result;
  }
  constexpr char32_t kCapitalSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;
  const std::vector<Character> all = characters(text);
  for (size_t i = 0; i < all.size(); ++i) {
    const char32_t c = all[i].code_point;
    if (c == 0x130) {
      append_utf8(result, U'i');
      append_utf8(result, 0x307);
    } else if (c == kCapitalSigma) {
      append_utf8(result, is_final_sigma(all, i) ? kFinalSigma : kSmallSigma);
    } else {
      append_utf8(result,
                  static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return result;
}

std::string_view strip_end(std::string_view text) {
  size_t end = 0;  // of the last character that is no white space
  size_t i = 0;
  while (i < text.size()) {
    const Utf8Character next = first_character(text.substr(i));
    i += next.length;
    if (next.state != Utf8State::kValid || !is_space(next.code_point)) end = i;
  }
  return text.substr(0, end);
}

std::string_view strip(std::string_view text) {
  text.remove_prefix(leading_space(text));
  return strip_end(text);
}

std::string_view strip(std::string_view text, char character) {
  while (!text.empty() && text.front() == character) text.remove_prefix(1);
  while (!text.empty() && text.back() == character) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0, i = 0;
  while (i < text.size()) {
    const Utf8Character next = first_character(text.substr(i));
    if (next.state == Utf8State::kValid && is_space(next.code_point)) {
      if (i > begin) words.push_back(text.substr(begin, i - begin));
      begin = i + next.length;
    }
    i += next.length;
  }
  if (i > begin) words.push_back(text.substr(begin));
  return words;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string_view before(std::string_view text, std::string_view separator) {
  return text.substr(0, text.find(separator));
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t begin = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, begin)) {
    result.append(text.substr(begin, at - begin)).append(to);
    begin = at + from.size();
  }
  return result.append(text.substr(begin));
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result.append(separator);
    result += parts[i];
  }
  return result;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view first_characters(std::string_view text, size_t count) {
  size_t i = 0;
  while (count-- > 0 && i < text.size()) i += first_character(text.substr(i)).length;
  return text.substr(0, i);
}

size_t count_characters(std::string_view text) {
  return characters(text).size();
}

}  // namespace owl3::python
