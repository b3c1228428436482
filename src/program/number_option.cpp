#include "program/number_option.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <type_traits>

namespace owl3 {

namespace {

/// As people write it: no 1e+06.
template <typename T>
std::string number_text(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (value == std::floor(value)) return fmt::format("{:.0f}", value);
  }
  return fmt::format("{}", value);
}

/// "from 0 to 1024", or "0 or more" where the end is the type's own.
template <typename T>
std::string range_text(T low, T high) {
  return high == std::numeric_limits<T>::max()
             ? fmt::format("{} or more", low)
             : fmt::format("from {} to {}", number_text(low), number_text(high));
}

/// CLI11 takes "010" for eight, -1 for the largest unsigned number, and values beyond a type's
/// range for others: it is given the number as it should have been written.
template <typename T>
CLI::Validator number(T low, T high, const char* kind) {
  const auto check = [low, high, kind](std::string& text) {
    const std::optional<T> value = decimal<T>(text);
    if (!value || *value < low || *value > high) {
      const bool open = high == std::numeric_limits<T>::max();
      const bool beyond = open && text.size() > std::numeric_limits<T>::digits10;
      return fmt::format("must be a {} {}{}{}, not \"{}\"", kind, open ? "of " : "",
                         range_text(low, high), beyond ? fmt::format(", up to {}", high) : "",
                         text);
    }
    text = fmt::format("{}", *value);
    return std::string();
  };
  return CLI::Validator(check, range_text(low, high));
}

}  // namespace

template <typename T>
std::optional<T> decimal(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

template std::optional<int> decimal(std::string_view text);
template std::optional<int64_t> decimal(std::string_view text);
template std::optional<uint64_t> decimal(std::string_view text);
template std::optional<double> decimal(std::string_view text);

CLI::Validator whole_number(int64_t low, int64_t high) {
  return number(low, high, "whole number");
}

CLI::Validator positive_number(double high) {
  const std::string range = fmt::format("above 0, up to {}", number_text(high));
  const auto check = [high, range](std::string& text) {
    const std::optional<double> value = decimal<double>(text);
    if (!value || *value <= 0 || *value > high) {
      return fmt::format("must be a number {}, not \"{}\"", range, text);
    }
    text = fmt::format("{}", *value);
    return std::string();
  };
  return CLI::Validator(check, range);
}

CLI::Validator real_number(double low, double high) {
  return number(low, high, "number");
}

CLI::Validator seed_number() {
  return number(uint64_t{0}, std::numeric_limits<uint64_t>::max(), "whole number");
}

CLI::Option* add_threads_option(CLI::App& command, int& threads, const std::string& what) {
  return command
      .add_option("-t,--threads", threads, what + " (0: what affinity and CPU quota allow)")
      ->transform(whole_number(0, 1024))
      ->type_name("N");
}

}  // namespace owl3
