#include "program/duration_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "program/number_option.h"

namespace owl3 {

namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr Unit kUnits[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};

/// What stands before the first character that is (not) of a number.
std::string_view taken(std::string_view& text, bool of_number) {
  constexpr std::string_view kNumber = "0123456789.";
  const size_t found = of_number ? text.find_first_not_of(kNumber) : text.find_first_of(kNumber);
  const size_t end = std::min(found, text.size());
  const std::string_view begin = text.substr(0, end);
  text.remove_prefix(end);
  return begin;
}

CLI::Validator checked(std::optional<double> (*parse)(std::string_view)) {
  constexpr double kMost = 1e9;
  const auto check = [parse](std::string& text) {
    const std::optional<double> seconds = parse(text);
    if (!seconds || !(*seconds > 0) || *seconds > kMost) {
      return fmt::format("must be a span of time such as 10s, 10m or 1.5h, not \"{}\"", text);
    }
    text = fmt::format("{}", *seconds);
    return std::string();
  };
  return CLI::Validator(check, "");
}

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  double seconds = 0;
  double last_unit = INFINITY;  // "1m30s", not "30s1m"
  do {
    const std::optional<double> number = decimal<double>(taken(text, true));
    const std::string_view name = taken(text, false);
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&](const Unit& one) { return one.name == name; });
    if (!number || unit == std::end(kUnits) || unit->seconds >= last_unit) return std::nullopt;
    seconds += *number * unit->seconds;
    last_unit = unit->seconds;
  } while (!text.empty());
  return seconds;
}

CLI::Validator duration() {
  return checked(parse_duration);
}

CLI::Validator duration_or_seconds() {
  return checked([](std::string_view text) {
    const std::optional<double> seconds = decimal<double>(text);
    return seconds ? seconds : parse_duration(text);
  });
}

}  // namespace owl3
