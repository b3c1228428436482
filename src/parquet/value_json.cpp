#include "parquet/value_json.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3::parquet {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kFarthestDay = 1'000'000'000'000;
/// Decimals of more bytes have more digits than anybody counts.
constexpr size_t kLongestDecimal = 64;
constexpr int32_t kMostDigits = 200;

template <typename T>
T number_of(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() != sizeof(T)) throw InputError("is damaged: a value of the wrong size");
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

int64_t integer_of(const ValueType& type, std::string_view bytes) {
  return type.physical == PhysicalType::kInt32 ? number_of<int32_t>(bytes)
                                               : number_of<int64_t>(bytes);
}

uint64_t unsigned_of(const ValueType& type, std::string_view bytes) {
  return type.physical == PhysicalType::kInt32 ? number_of<uint32_t>(bytes)
                                               : number_of<uint64_t>(bytes);
}

double half_of(std::string_view bytes) {
  const auto half = number_of<uint16_t>(bytes);
  const int exponent = half >> 10 & 0x1f;
  const int fraction = half & 0x3ff;
  const double sign = half >> 15 != 0 ? -1 : 1;
  if (exponent == 0x1f) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

/// The highest byte first.
std::string stored_highest_first(const ValueType& type, std::string_view bytes) {
  const bool is_number =
      type.physical == PhysicalType::kInt32 || type.physical == PhysicalType::kInt64;
  return is_number ? std::string(bytes.rbegin(), bytes.rend()) : std::string(bytes);
}

/// A number in two's complement, whose last `scale` digits stand behind the point.
std::string decimal_of(const ValueType& type, std::string_view bytes) {
  std::string number = stored_highest_first(type, bytes);
  if (number.empty() || number.size() > kLongestDecimal || type.scale < 0 ||
      type.scale > kMostDigits) {
    throw InputError("has a decimal number that is not read");
  }
  const bool is_negative = (static_cast<unsigned char>(number.front()) & 0x80) != 0;
  unsigned carry = is_negative ? 1 : 0;
  for (size_t i = number.size(); is_negative && i-- > 0;) {
    carry += static_cast<unsigned char>(~number[i]);
    number[i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  std::string digits;  // the last first
  bool is_zero = false;
  for (int32_t count = 0; !is_zero || count <= type.scale; ++count) {  // one before the point
    if (count > 0 && count == type.scale) digits += '.';
    unsigned rest = 0;
    is_zero = true;
    for (char& byte : number) {
      rest = rest << 8 | static_cast<unsigned char>(byte);
      byte = static_cast<char>(rest / 10);
      is_zero = is_zero && byte == 0;
      rest %= 10;
    }
    digits += static_cast<char>('0' + rest);
  }
  return (is_negative ? "-" : "") + std::string(digits.rbegin(), digits.rend());
}

std::string uuid_of(std::string_view bytes) {
  if (bytes.size() != 16) throw InputError("is damaged: a UUID of the wrong size");
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return text;
}

int64_t divide_down(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// What divide_down leaves over.
int64_t rest_of(int64_t value, int64_t by) {
  return value % by + (value % by < 0 ? by : 0);
}

/// Days since 1970 in the Gregorian calendar, continued to all times (ISO 8601).
std::string date_of(int64_t days) {
  // Years begin in March here, so that a leap day is the last of one; an era is 400 years.
  constexpr int64_t kDaysPerEra = 146'097;
  constexpr int64_t kBefore1970 = 719'468;
  if (days < -kFarthestDay || days > kFarthestDay) throw InputError("has a day that cannot be");
  const int64_t era = divide_down(days + kBefore1970, kDaysPerEra);
  const int64_t day_of_era = days + kBefore1970 - era * kDaysPerEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;  // 0: March
  const int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  const int64_t year = year_of_era + era * 400 + (month >= 10 ? 1 : 0);
  return fmt::format("{:04}-{:02}-{:02}", year, month < 10 ? month + 3 : month - 9, day);
}

/// `units` since midnight.
std::string time_of(int64_t units, int64_t units_per_second) {
  const int64_t seconds = divide_down(units, units_per_second);
  const int64_t fraction = rest_of(units, units_per_second);
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction == 0) return text;
  const int digits = units_per_second == 1'000 ? 3 : units_per_second == 1'000'000 ? 6 : 9;
  return text + fmt::format(".{:0{}}", fraction, digits);
}

std::string timestamp_of(int64_t units, int64_t units_per_second) {
  const int64_t units_per_day = kSecondsPerDay * units_per_second;
  return date_of(divide_down(units, units_per_day)) + "T" +
         time_of(rest_of(units, units_per_day), units_per_second);
}

/// Nanoseconds of the day, and the day by Julius Scaliger's count.
std::string int96_timestamp_of(std::string_view bytes) {
  constexpr int64_t kScaligersDayOf1970 = 2'440'588;
  constexpr int64_t kPerSecond = 1'000'000'000;
  if (bytes.size() != 12) throw InputError("is damaged: a value of the wrong size");
  const auto nanoseconds = number_of<int64_t>(bytes.substr(0, 8));
  const int64_t days = divide_down(nanoseconds, kSecondsPerDay * kPerSecond);
  return date_of(number_of<int32_t>(bytes.substr(8)) - kScaligersDayOf1970 + days) + "T" +
         time_of(rest_of(nanoseconds, kSecondsPerDay * kPerSecond), kPerSecond);
}

Json text_of(std::string_view bytes) {
  if (find_invalid_utf8(bytes) != std::string_view::npos) {
    throw InputError("has a text that is not UTF-8");
  }
  return std::string(bytes);
}

}  // namespace

Json json_of(const ValueType& type, std::string_view bytes) {
  switch (type.kind) {
    case ValueKind::kBoolean:
      return number_of<uint8_t>(bytes) != 0;
    case ValueKind::kSigned:
      return integer_of(type, bytes);
    case ValueKind::kUnsigned:
      return unsigned_of(type, bytes);
    case ValueKind::kFloat16:
      return half_of(bytes);
    case ValueKind::kFloat:
      return number_of<float>(bytes);
    case ValueKind::kDouble:
      return number_of<double>(bytes);
    case ValueKind::kBytes:
      return Json::binary({bytes.begin(), bytes.end()});
    case ValueKind::kText:
      return text_of(bytes);
    case ValueKind::kDecimal:
      return decimal_of(type, bytes);
    case ValueKind::kUuid:
      return uuid_of(bytes);
    case ValueKind::kDate:
      return date_of(integer_of(type, bytes));
    case ValueKind::kTime:
      return time_of(integer_of(type, bytes), type.units_per_second);
    case ValueKind::kTimestamp:
      return timestamp_of(integer_of(type, bytes), type.units_per_second) + (type.utc ? "Z" : "");
    case ValueKind::kInt96Timestamp:
      return int96_timestamp_of(bytes);
  }
  throw_internal_error("a value of no kind", __FILE__, __LINE__);
}

}  // namespace owl3::parquet
