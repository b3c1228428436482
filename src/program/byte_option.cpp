#include "program/byte_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>

#include "core/byte_text.h"
#include "program/number_option.h"

namespace owl3 {

std::optional<int64_t> parse_byte_count(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t end = std::min(lower.find_first_not_of("0123456789."), lower.size());
  const std::optional<double> number = decimal<double>(std::string_view(lower).substr(0, end));
  std::string_view unit = std::string_view(lower).substr(end);
  if (!number) return std::nullopt;
  if (unit.ends_with('b')) unit.remove_suffix(1);
  double scale = 1;
  if (!unit.empty()) {
    const size_t power = std::string_view("kmgt").find(unit.front());
    const std::string_view rest = unit.substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "i")) return std::nullopt;
    scale = std::pow(rest.empty() ? 1000.0 : 1024.0, static_cast<double>(power + 1));
  }
  const double bytes = std::round(*number * scale);
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (bytes >= kEnd) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

CLI::Validator byte_count(int64_t low) {
  const auto check = [low](std::string& text) {
    const std::optional<int64_t> bytes = parse_byte_count(text);
    if (!bytes || *bytes < low) {
      return fmt::format("must be an amount such as 500M, 4G or 4Gi, and at least {}, not \"{}\"",
                         byte_text(low), text);
    }
    text = fmt::format("{}", *bytes);
    return std::string();
  };
  return CLI::Validator(check, "");
}

}  // namespace owl3
