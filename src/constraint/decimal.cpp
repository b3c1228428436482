#include "constraint/decimal.h"

#include <charconv>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr int64_t kMostDigits = 400;  // a double has 309 before its point

}  // namespace

std::string Decimal::whole() const {
  if (exponent <= 0) return {};
  const auto length = static_cast<size_t>(exponent);
  std::string text = digits.substr(0, length);
  text.resize(digits.empty() ? 0 : length, '0');
  return text;
}

std::string Decimal::fraction() const {
  if (digits.empty()) return {};
  if (exponent <= 0) return std::string(static_cast<size_t>(-exponent), '0') + digits;
  const auto length = static_cast<size_t>(exponent);
  return length < digits.size() ? digits.substr(length) : std::string();
}

std::string Decimal::text() const {
  if (zero()) return "0";
  return (negative ? "-0." : "0.") + digits + "e" + std::to_string(exponent);
}

Decimal read_decimal(std::string_view json) {
  Decimal number;
  if (json.starts_with('-')) {
    number.negative = true;
    json.remove_prefix(1);
  }
  const size_t e = json.find_first_of("eE");
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view text = json.substr(e + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto end = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (end.ec != std::errc()) exponent = INT32_MAX;
  }
  const std::string_view mantissa = json.substr(0, e);
  const size_t point = mantissa.find('.');
  number.digits = mantissa.substr(0, point);
  number.exponent = exponent + static_cast<int64_t>(number.digits.size());
  if (point != std::string_view::npos) number.digits += mantissa.substr(point + 1);
  const size_t first = number.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  number.digits.erase(0, first);
  number.exponent -= static_cast<int64_t>(first);
  number.digits.erase(number.digits.find_last_not_of('0') + 1);
  if (number.exponent > kMostDigits || number.exponent < -kMostDigits) {
    throw InputError(fmt::format("the number {} is beyond what a schema may hold", json));
  }
  return number;
}

}  // namespace owl3
