#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

/// Ranges of characters that are their own form C and do not join with what stands before them:
/// Latin, Greek, Cyrillic, punctuation, kana, ideographs, Hangul, symbols with emoji.
constexpr std::pair<char32_t, char32_t> kInertRanges[] = {
    {0x0000, 0x02FF}, {0x0388, 0x03CE}, {0x0400, 0x0482},   {0x048A, 0x052F}, {0x2010, 0x2027},
    {0x3000, 0x3029}, {0x3041, 0x3096}, {0x30A1, 0x30FF},   {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
    {0xAC00, 0xD7A3}, {0xFF01, 0xFF60}, {0x1F300, 0x1FAFF},
};

bool is_inert(char32_t code_point) {
  return std::any_of(std::begin(kInertRanges), std::end(kInertRanges), [&](const auto& range) {
    return code_point >= range.first && code_point <= range.second;
  });
}

/// Length of the longest beginning whose characters are all inert.
size_t inert_prefix(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    if (static_cast<uint8_t>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const Utf8Character next = first_character(text.substr(i));
    if (!is_inert(next.code_point)) break;
    i += next.length;
  }
  return i;
}

/// Fully decomposed, with marks in canonical order. Runs of marks are sorted rather than bubbled
/// as the library's own loop does, which takes quadratic time on a long run.
std::vector<utf8proc_int32_t> decomposed(std::string_view text) {
  std::vector<utf8proc_int32_t> code_points;
  code_points.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character next = first_character(text);
    utf8proc_int32_t parts[32];  // the longest canonical decomposition has four
    int boundary_class = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(next.code_point), parts, 32,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE), &boundary_class);
    OWL3_CHECK(count >= 0 && count <= 32);
    code_points.insert(code_points.end(), parts, parts + count);
    text.remove_prefix(next.length);
  }

  const auto combining_class = [](utf8proc_int32_t code_point) {
    return utf8proc_get_property(code_point)->combining_class;
  };
  for (size_t i = 0; i < code_points.size();) {
    size_t end = i;
    while (end < code_points.size() && combining_class(code_points[end]) != 0) ++end;
    std::stable_sort(code_points.begin() + static_cast<ptrdiff_t>(i),
                     code_points.begin() + static_cast<ptrdiff_t>(end),
                     [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    i = end + 1;
  }
  return code_points;
}

}  // namespace

bool is_plainly_nfc(std::string_view text) {
  return inert_prefix(text) == text.size();
}

std::string to_nfc(std::string_view text) {
  const size_t inert = inert_prefix(text);
  if (inert == text.size()) return std::string(text);

  // The last inert character may join with what follows it, those before it with nothing.
  size_t start = inert;
  while (start > 0 && (static_cast<uint8_t>(text[--start]) & 0xC0) == 0x80) {
  }
  std::vector<utf8proc_int32_t> code_points = decomposed(text.substr(start));
  const utf8proc_ssize_t count = utf8proc_normalize_utf32(
      code_points.data(), static_cast<utf8proc_ssize_t>(code_points.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  OWL3_CHECK(count >= 0);

  std::string normalised(text.substr(0, start));
  normalised.reserve(text.size() + 16);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    append_utf8(normalised, static_cast<char32_t>(code_points[static_cast<size_t>(i)]));
  }
  return normalised;
}

}  // namespace owl3
