#include "benchmarks/python_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "benchmarks/python_text.h"
#include "core/error.h"

namespace owl3::python {

namespace {

/// The pairwise summation of numpy 1.24: eight running sums for up to 128 values, halves above.
double pairwise_sum(const double* values, size_t count) {
  constexpr size_t kBlock = 128;
  if (count < 8) {
    double total = 0;
    for (size_t i = 0; i < count; ++i) total += values[i];
    return total;
  }
  if (count <= kBlock) {
    double r[8];
    for (size_t i = 0; i < 8; ++i) r[i] = values[i];
    size_t i = 8;
    for (; i + 8 <= count; i += 8) {
      for (size_t k = 0; k < 8; ++k) r[k] += values[i + k];
    }
    double total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < count; ++i) total += values[i];
    return total;
  }
  size_t half = count / 2;
  half -= half % 8;
  return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
}

/// repr() of a float: the shortest digits that give it back, at least one after the point.
std::string text_of_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed)
          .ptr;
  std::string text(buffer, end);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

/// repr() of a text inside a list or an object, for the everyday case.
std::string quoted(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (c == '\r') {
      result += "\\r";
    } else {
      result += c;
    }
  }
  return result + quote;
}

std::string repr_of(const Json& value) {
  return value.is_string() ? quoted(value.get<std::string>()) : text_of(value);
}

/// The value of a decimal digit of any script: they stand in rows of ten, zero first.
int digit_value(char32_t c) {
  if (c < 0x80) return static_cast<int>(c - '0');
  int value = 0;
  while (value < 9 && is_digit(c - static_cast<char32_t>(value) - 1)) ++value;
  return value;
}

/// int() of a text: blanks around it, a sign, digits of any script, single underscores between.
std::optional<int64_t> integer_of_text(std::string_view text) {
  const std::vector<Character> all = characters(strip(text));
  size_t i = 0;
  bool negative = false;
  if (!all.empty() && (all[0].code_point == '+' || all[0].code_point == '-')) {
    negative = all[0].code_point == '-';
    ++i;
  }
  int64_t value = 0;
  bool after_digit = false;
  for (; i < all.size(); ++i) {
    const char32_t c = all[i].code_point;
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    if (value > (std::numeric_limits<int64_t>::max() - 9) / 10) return std::nullopt;
    value = value * 10 + digit_value(c);
    after_digit = true;
  }
  if (!after_digit) return std::nullopt;
  return negative ? -value : value;
}

void append_escaped(std::string& result, const std::string& text) {
  result += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\b':
        result += "\\b";
        break;
      case '\f':
        result += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          result += fmt::format("\\u{:04x}", static_cast<int>(c));
        } else {
          result += c;
        }
    }
  }
  result += '"';
}

}  // namespace

double round_to(double value, int digits) {
  if (!std::isfinite(value)) return value;
  return std::stod(fmt::format("{:.{}f}", value, digits));
}

int64_t round_to_integer(double value) {
  const double below = std::floor(value);
  const double fraction = value - below;
  const bool up = fraction > 0.5 || (fraction == 0.5 && std::fmod(below, 2.0) != 0.0);
  return static_cast<int64_t>(up ? below + 1 : below);
}

double numpy_sum(std::span<const double> values) {
  return pairwise_sum(values.data(), values.size());
}

double numpy_mean(std::span<const double> values) {
  return divide(numpy_sum(values), static_cast<double>(values.size()));
}

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

double divide(double dividend, double divisor) {
  return divisor == 0 ? std::numeric_limits<double>::quiet_NaN() : dividend / divisor;
}

std::string text_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::null:
      return "None";
    case Json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case Json::value_t::number_float:
      return text_of_float(value.get<double>());
    case Json::value_t::array: {
      std::vector<std::string> parts;
      for (const Json& part : value) parts.push_back(repr_of(part));
      return "[" + join(parts, ", ") + "]";
    }
    case Json::value_t::object: {
      std::vector<std::string> parts;
      for (const auto& [key, part] : value.items()) {
        parts.push_back(quoted(key) + ": " + repr_of(part));
      }
      return "{" + join(parts, ", ") + "}";
    }
    default:
      return value.dump();
  }
}

int64_t integer_of(const Json& value, std::string_view what) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_float() && std::fabs(value.get<double>()) < 9e18) {
    return static_cast<int64_t>(value.get<double>());
  }
  if (value.is_string()) {
    if (const auto number = integer_of_text(value.get<std::string>())) return *number;
  }
  throw InputError(fmt::format("{} should be a whole number, not {}", what, value.dump()));
}

bool is_truthy(const Json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (value.is_string()) return !value.get<std::string>().empty();
  return !value.empty();
}

std::string join_path(std::string_view folder, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  std::string path(folder);
  if (!path.empty() && !path.ends_with('/')) path += '/';
  return path.append(name);
}

std::string plain_path(std::string_view folder, std::string_view name) {
  const std::string whole = join_path(folder, name);
  std::vector<std::string> parts;
  for (const std::string_view part : split(whole, "/")) {
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  // Two slashes at the beginning, no more, are kept: POSIX gives them a meaning of their own.
  const bool two = whole.starts_with("//") && !whole.starts_with("///");
  const std::string path = (two ? "//" : whole.starts_with('/') ? "/" : "") + join(parts, "/");
  return path.empty() ? "." : path;
}

std::string json_text(const Json& value) {
  std::string result;
  if (value.is_string()) {
    append_escaped(result, value.get<std::string>());
  } else if (value.is_array()) {
    result += '[';
    for (const Json& part : value) {
      if (result.size() > 1) result += ", ";
      result += json_text(part);
    }
    result += ']';
  } else if (value.is_object()) {
    result += '{';
    for (const auto& [key, part] : value.items()) {
      if (result.size() > 1) result += ", ";
      append_escaped(result, key);
      result += ": " + json_text(part);
    }
    result += '}';
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    result = std::isnan(number)   ? "NaN"
             : std::isinf(number) ? (number > 0 ? "Infinity" : "-Infinity")
                                  : text_of_float(number);
  } else {
    result = value.dump();
  }
  return result;
}

}  // namespace owl3::python
