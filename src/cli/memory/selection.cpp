#include "cli/memory/selection.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <optional>

#include "core/error.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

/// "90", "1:30" and "1:02:03.5" in seconds.
std::optional<double> seconds_of(const std::string& text) {
  constexpr double kMost = 1e9;
  double seconds = 0;
  size_t parts = 0;
  for (size_t at = 0; at <= text.size(); ++parts) {
    const size_t end = std::min(text.find(':', at), text.size());
    const std::optional<double> part = decimal<double>(text.substr(at, end - at));
    if (!part || *part < 0 || (parts > 0 && *part >= 60)) return std::nullopt;
    seconds = 60 * seconds + *part;
    at = end + 1;
  }
  if (parts > 3 || seconds > kMost) return std::nullopt;
  return seconds;
}

constexpr std::string_view kDateForm = "0000-00-00T00:00:00";

/// Whether it looks like the beginning of "2024-07-01T12:33:05". Four digits are a year where they
/// can be one: as seconds of a film they would be more than half an hour, which people write 33:20.
bool is_date(const std::string& text) {
  const bool whole_part = text.size() == 4 || text.size() == 7 || text.size() == 10 ||
                          text.size() == 16 || text.size() == kDateForm.size();
  const bool has_form =
      whole_part && std::equal(text.begin(), text.end(), kDateForm.begin(), [](char c, char form) {
        return form == '0' ? c >= '0' && c <= '9' : c == form;
      });
  return has_form && (text.size() > 4 || (text >= "1900" && text <= "2099"));
}

/// Whether a calendar and a clock have it.
bool is_possible(const std::string& date) {
  const auto part = [&](size_t at, int without) {
    return at < date.size() ? std::stoi(date.substr(at, 2)) : without;
  };
  const std::chrono::year_month_day day{std::chrono::year(std::stoi(date.substr(0, 4))),
                                        std::chrono::month(static_cast<unsigned>(part(5, 1))),
                                        std::chrono::day(static_cast<unsigned>(part(8, 1)))};
  return day.ok() && part(11, 0) < 24 && part(14, 0) < 60 && part(17, 0) < 60;
}

void take_time(const std::string& text, std::optional<double>& seconds, std::string& date) {
  if (is_date(text)) {
    if (!is_possible(text)) {
      throw CLI::ValidationError("\"" + text + "\" is no date that there is");
    }
    date = text;
  } else if (!(seconds = seconds_of(text))) {
    throw CLI::ValidationError(
        "\"" + text +
        "\" is neither a time in a film (90, 1:30, 1:02:03) nor a date (2024, 2024-07, "
        "2024-07-01, 2024-07-01T12:30)");
  }
}

}  // namespace

void add_selection_options(CLI::App& command, MemorySelection& selection,
                           const std::string& group) {
  const auto add = [&](CLI::Option* option, const char* type) {
    option->type_name(type);
    if (!group.empty()) option->group(group);
  };
  add(command.add_option("--only", selection.only,
                         "Of a memory: those whose path, or its last part, fits this pattern"),
      "GLOB");
  add(command.add_option_function<std::string>(
          "--from",
          [&selection](const std::string& text) {
            take_time(text, selection.from_seconds, selection.from_date);
          },
          "Of a memory: frames from this time in their film on, or photos from this date on"),
      "T");
  add(command.add_option_function<std::string>(
          "--to",
          [&selection](const std::string& text) {
            take_time(text, selection.to_seconds, selection.to_date);
          },
          "Of a memory: frames up to this time in their film, or photos up to this date"),
      "T");
}

}  // namespace owl3::cli
