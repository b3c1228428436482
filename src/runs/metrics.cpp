#include "runs/metrics.h"

#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

MetricsLine parse_line(const std::string& text, const std::string& where) {
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) {
    throw InputError(fmt::format("{}: not a line of metrics: an object with \"step\"", where));
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

/// Keeps the lines up to `step`.
void cut_back(const std::filesystem::path& path, int64_t step) {
  if (!std::filesystem::exists(path)) return;
  AtomicFile file(path);
  for (const MetricsLine& line : read_metrics(path)) {
    if (line.step <= step) file.write(to_json_line(line) + "\n");
  }
  file.commit();
}

}  // namespace

MetricsFile::MetricsFile(std::filesystem::path path, int64_t step) : path_(std::move(path)) {
  cut_back(path_, step);
  file_.reset(std::fopen(path_.c_str(), "abe"));
  if (file_ == nullptr) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
}

void MetricsFile::write(const MetricsLine& line) {
  const std::string text = to_json_line(line) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() ||
      std::fflush(file_.get()) != 0) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), errno_text(errno)));
  }
}

std::vector<MetricsLine> read_metrics(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(fmt::format("{}: cannot be read: {}", path.string(), errno_text(errno)));
  }
  std::vector<MetricsLine> lines;
  std::string text;
  for (int64_t number = 1; std::getline(file, text); ++number) {
    if (file.eof()) break;  // no newline: unfinished
    lines.push_back(parse_line(text, fmt::format("{}:{}", path.string(), number)));
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
