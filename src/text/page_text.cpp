#include "text/page_text.h"

#include <cstdint>

#include "text/utf8.h"

namespace owl3 {

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : with_replacements(std::string(text))) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // which XML may not hold
    }
  }
  return safe;
}

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t j = 0; j < 3; ++j) {
      three = three << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      const bool there = i + j <= bytes.size();
      text += there ? kAlphabet[three >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

}  // namespace owl3
