// The values of JSON Schema's "format" that owl3 asserts, as patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace owl3 {

struct StringFormat {
  std::string pattern;  // of the whole text
  uint32_t max_length = UINT32_MAX;
};

/// Nothing for a format that says nothing: one of no draft ("int32", "path"), or "regex" and its
/// kin (is_unsupported_format()).
std::optional<StringFormat> string_format(std::string_view name);
/// A standard format that owl3 can't hold an answer to.
bool is_unsupported_format(std::string_view name);

}  // namespace owl3
