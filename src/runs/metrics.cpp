#include "runs/metrics.h"

#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/regular_file.h"

namespace owl3 {

namespace {

std::optional<MetricsLine> parse_line(const std::string& text) {
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) {
    return std::nullopt;
  }
  MetricsLine line;
  line.step = json["step"].get<int64_t>();
  for (const auto& [key, value] : json.items()) {
    if (key == "step") continue;
    if (value.is_number()) line.scalars.emplace_back(key, value.get<double>());
    if (value.is_null()) line.scalars.emplace_back(key, std::numeric_limits<double>::quiet_NaN());
  }
  return line;
}

std::ifstream open_to_read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw_unreadable(path, errno, "cannot be read: ");
  }
  return file;
}

/// The next whole line; false after the last. One without newline is unfinished.
bool next_line(std::ifstream& file, std::string& text) {
  return std::getline(file, text) && !file.eof();
}

/// Keeps the lines up to `step`; returns the path.
const std::filesystem::path& cut_back(const std::filesystem::path& path, int64_t step) {
  if (!std::filesystem::is_regular_file(path)) return path;
  std::ifstream old = open_to_read(path);
  AtomicFile file(path);
  for (std::string text; next_line(old, text);) {
    const std::optional<MetricsLine> line = parse_line(text);
    if (line && line->step <= step) file.write(to_json_line(*line) + "\n");
  }
  file.commit();
  return path;
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& path, int64_t step)
    : file_(cut_back(path, step), AppendFile::Begin::kGoingOn) {}

void MetricsFile::write(const MetricsLine& line) {
  file_.append(to_json_line(line) + "\n");
}

std::vector<MetricsLine> read_metrics(const std::filesystem::path& path) {
  std::ifstream file = open_to_read(path);
  std::vector<MetricsLine> lines;
  std::string text;
  for (int64_t number = 1; next_line(file, text); ++number) {
    std::optional<MetricsLine> line = parse_line(text);
    if (!line) {
      throw InputError(fmt::format("{}:{}: not a line of metrics: an object with \"step\"",
                                   path.string(), number));
    }
    lines.push_back(std::move(*line));
  }
  return lines;
}

std::string to_json_line(const MetricsLine& line) {
  nlohmann::ordered_json json = {{"step", line.step}};
  for (const auto& [name, number] : line.scalars) {
    if (std::isfinite(number) && number == std::floor(number) && std::abs(number) < 1e15) {
      json[name] = static_cast<int64_t>(number);
    } else {
      json[name] = number;  // nlohmann writes null where it is not finite
    }
  }
  return json.dump();
}

}  // namespace owl3
