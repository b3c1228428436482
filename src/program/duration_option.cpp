#include "program/duration_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "program/number_option.h"

namespace owl3 {

namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr Unit kUnits[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::optional<double> number = decimal<double>(text.substr(0, end));
  const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                  [&](const Unit& one) { return one.name == text.substr(end); });
  if (!number || unit == std::end(kUnits)) return std::nullopt;
  return *number * unit->seconds;
}

CLI::Validator duration() {
  constexpr double kMost = 1e9;
  const auto check = [](std::string& text) {
    const std::optional<double> seconds = parse_duration(text);
    if (!seconds || !(*seconds > 0) || *seconds > kMost) {
      return fmt::format("must be a span of time such as 10s, 10m or 1.5h, not \"{}\"", text);
    }
    text = fmt::format("{}", *seconds);
    return std::string();
  };
  return CLI::Validator(check, "");
}

}  // namespace owl3
