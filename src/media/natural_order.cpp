#include "media/natural_order.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>

namespace owl3 {

namespace fs = std::filesystem;

namespace {

size_t digits_at(const std::string& text, size_t at) {
  size_t end = at;
  while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
  return end - at;
}

/// Natural order: runs of digits compare as numbers of any length, letters without their case.
int compare_natural(const std::string& a, const std::string& b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    size_t digits_a = digits_at(a, i);
    size_t digits_b = digits_at(b, j);
    if (digits_a > 0 && digits_b > 0) {
      while (digits_a > 1 && a[i] == '0') ++i, --digits_a;
      while (digits_b > 1 && b[j] == '0') ++j, --digits_b;
      if (digits_a != digits_b) return digits_a < digits_b ? -1 : 1;
      if (const int order = a.compare(i, digits_a, b, j, digits_b); order != 0) return order;
      i += digits_a;
      j += digits_b;
      continue;
    }
    const int letter_a = std::tolower(static_cast<unsigned char>(a[i++]));
    const int letter_b = std::tolower(static_cast<unsigned char>(b[j++]));
    if (letter_a != letter_b) return letter_a < letter_b ? -1 : 1;
  }
  return static_cast<int>(i < a.size()) - static_cast<int>(j < b.size());
}

}  // namespace

bool naturally_before(const fs::path& a, const fs::path& b) {
  const int order = compare_natural(a.string(), b.string());
  return order != 0 ? order < 0 : a < b;  // "01.png" and "1.png" need some order too
}

void sort_naturally(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), naturally_before);
}

}  // namespace owl3
