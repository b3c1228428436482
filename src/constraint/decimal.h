// A finite decimal number, exactly as JSON text has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

struct Decimal {
  bool negative = false;
  std::string digits;    // significant ones, no zeros at either end; empty: the number is 0
  int64_t exponent = 0;  // the value is 0.digits * 10^exponent

  bool zero() const { return digits.empty(); }
  /// The digits before and behind the point, without zeros that say nothing.
  std::string whole() const;
  std::string fraction() const;
  /// For messages and as a key: the same for equal numbers.
  std::string text() const;
};

/// Reads a JSON number. Throws InputError where its digits reach beyond 10^±400.
Decimal read_decimal(std::string_view json);

}  // namespace owl3
