// What stands in a URL behind percent signs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace owl3::http {

/// -1 where it is none.
inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// "a%20b" is "a b"; a percent sign without two digits is itself.
inline std::string without_percents(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      plain += text[i];
    } else {
      plain += static_cast<char>(16 * high + low);
      i += 2;
    }
  }
  return plain;
}

}  // namespace owl3::http
