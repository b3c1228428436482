// Text as Python 3.11 treats it: what counts as white space, as a digit or as part of a word, how
// letters are made small. The official rules of the benchmarks were written in it, and a reply may
// hold any character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace owl3::python {

/// str.isspace(), and \s of its regular expressions. Four controls more than Unicode's White_Space.
bool is_space(char32_t c);
/// \d: any decimal digit of Unicode 14.
bool is_digit(char32_t c);
/// \w: letters, numbers of every kind, and the underscore.
bool is_word(char32_t c);

// All texts are valid UTF-8.

/// str.lower(): two characters for the dotted capital I, a final sigma where a word ends.
std::string lower(std::string_view text);

std::string_view strip(std::string_view text);
std::string_view strip_end(std::string_view text);
/// Without a character (ASCII) at both ends, however often it stands there.
std::string_view strip(std::string_view text, char character);

/// str.split(): words between white space.
std::vector<std::string_view> split(std::string_view text);
/// str.split(separator): one part more than there are separators.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);
/// str.split(separator)[0].
std::string_view before(std::string_view text, std::string_view separator);

std::string replace_all(std::string_view text, std::string_view from, std::string_view to);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
bool contains(std::string_view text, std::string_view part);

/// The first `count` characters, or all there are.
std::string_view first_characters(std::string_view text, size_t count);
size_t count_characters(std::string_view text);

/// The characters, each with where it begins.
struct Character {
  char32_t code_point = 0;
  size_t begin = 0;
};
std::vector<Character> characters(std::string_view text);

}  // namespace owl3::python
