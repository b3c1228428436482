// The one character that a JSON parser may take for the end of its text.
#pragma once

#include <string_view>

namespace owl3 {

/// Where the first zero byte is, or npos. No JSON has one, but nlohmann::json ends at it and never
/// sees what stands behind.
inline size_t find_zero_byte(std::string_view json) {
  return json.find('\0');
}

}  // namespace owl3
