// Numbers that are no 8- or 16-bit samples, as 8-bit ones: which of them is black, and which white.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace owl3 {

/// What a file's numbers are.
struct ValueType {
  bool is_float = false;
  double full_scale = 1;  // white, where the numbers use their type's range: 1 of floats
};

struct ValueRange {
  double black = 0;
  double white = 1;
  std::string warning{};  // where the range had to be taken from the values themselves

  /// 0..255; 0 for what is no number.
  uint8_t to_byte(double value) const;
};

/// values: [pixels, channels], of which the first `colours` count.
///
/// As a person would want to look at them: numbers that use their type's range by that range,
/// numbers up to 255 as 8-bit samples are, and others (heights, distances, measurements) from their
/// least, black, to their greatest, white.
ValueRange choose_range(std::span<const float> values, size_t channels, size_t colours,
                        const ValueType& type);

}  // namespace owl3
