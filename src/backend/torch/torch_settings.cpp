#include "backend/torch/torch_settings.h"

#include <charconv>
#include <string_view>

#include "core/error.h"

namespace owl3 {

namespace {

/// Of "20G".
std::optional<int64_t> bytes_of_size(std::string_view size) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {{"", 1},
                                                             {"K", 1'000},
                                                             {"M", 1'000'000},
                                                             {"G", 1'000'000'000},
                                                             {"Ki", 1 << 10},
                                                             {"Mi", int64_t{1} << 20},
                                                             {"Gi", int64_t{1} << 30}};
  constexpr int64_t kMost = int64_t{1} << 60;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), number);
  const std::string_view unit(end, static_cast<size_t>(size.data() + size.size() - end));
  for (const auto& [name, bytes] : kUnits) {
    if (error == std::errc() && number >= 0 && number <= kMost / bytes && unit == name) {
      return number * bytes;
    }
  }
  return std::nullopt;
}

}  // namespace

TorchSettings torch_settings(const std::string& text) {
  size_t comma = text.find(',');
  TorchSettings settings = {text.substr(0, comma), std::nullopt, true};
  bool says_graphs = false;
  while (comma != std::string::npos) {
    const size_t next = text.find(',', comma + 1);
    const std::string setting = text.substr(comma + 1, next - comma - 1);
    const std::string_view value = std::string_view(setting).substr(setting.find('=') + 1);
    if (setting.starts_with("memory=") && !settings.image_bytes && bytes_of_size(value)) {
      settings.image_bytes = bytes_of_size(value);
    } else if ((setting == "graphs=on" || setting == "graphs=off") && !says_graphs) {
      settings.graphs = value == "on";
      says_graphs = true;
    } else {
      throw UsageError(fmt::format(
          "device {}{}: {} is not what may stand behind a comma, once each: how much of its memory "
          "images may take, a whole number of bytes or of K, M, G, Ki, Mi or Gi, less than 1 EiB "
          "(memory=20G), and whether steps of decoding are recorded (graphs=on, graphs=off)",
          text.starts_with("cpu") ? "torch:" : "", text, setting.empty() ? "nothing" : setting));
    }
    comma = next;
  }
  return settings;
}

}  // namespace owl3
