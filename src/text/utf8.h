// UTF-8, a character at a time, with the standard's way of cutting up what is no UTF-8: each
// longest beginning of a character that goes wrong counts as one U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8State { kValid, kInvalid, kIncomplete };

/// What stands at the beginning of some bytes: a whole character, `length` bytes that are none, or
/// `length` bytes (all there are) that may become one.
struct Utf8Character {
  Utf8State state = Utf8State::kIncomplete;
  size_t length = 0;
  char32_t code_point = 0;  // when kValid
};

/// `bytes` must not be empty.
Utf8Character first_character(std::string_view bytes);

/// Offset of the first byte that is not part of a whole character; npos when there is none.
size_t find_invalid_utf8(std::string_view bytes);

void append_utf8(std::string& text, char32_t code_point);

/// The bytes as valid UTF-8: whatever is none becomes U+FFFD.
std::string with_replacements(std::string bytes);

/// White_Space of the Unicode standard.
bool is_white_space(char32_t code_point);

}  // namespace owl3
