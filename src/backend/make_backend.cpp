#include "backend/make_backend.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "backend/cpu/cpu_backend.h"
#include "backend/torch_plugin.h"

namespace owl3 {

namespace {

constexpr std::string_view kTorch = "torch:";

/// "cuda", "cuda:1": a kind that LibTorch has, and perhaps a small number.
bool is_torch_device(std::string_view name) {
  const size_t colon = name.find(':');
  const std::string_view kind = name.substr(0, colon);
  if (kind != "cpu" && kind != "cuda" && kind != "xpu") return false;
  if (colon == std::string_view::npos) return true;
  const std::string_view number = name.substr(colon + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool is_plain = number.size() == 1 || (number.size() == 2 && number.front() != '0');
  return kind != "cpu" && is_plain && std::all_of(number.begin(), number.end(), is_digit);
}

/// The device as LibTorch names it; nothing for the CPU backend.
std::optional<std::string> torch_device(const std::string& name) {
  if (is_cpu_device(name)) return std::nullopt;
  if (name.starts_with("cpu,")) {
    throw UsageError(fmt::format(
        "device {}: the CPU takes no settings; --memory-budget says how much images may take there",
        name));
  }
  const bool prefixed = name.starts_with(kTorch);
  std::string device = prefixed ? name.substr(kTorch.size()) : name;
  // What stands behind a comma is the plug-in's own affair.
  if (is_torch_device(std::string_view(device).substr(0, device.find(',')))) return device;
  throw UsageError(
      fmt::format("device {}: is none of cpu, cuda, cuda:N, xpu, xpu:N (N from 0 to 99) and "
                  "torch:cpu, which is "
                  "LibTorch's CPU",
                  name));
}

}  // namespace

bool is_cpu_device(const std::string& name) {
  return name.empty() || name == "cpu";
}

std::unique_ptr<Backend> make_backend(const ModelOptions& options) {
  if (const auto device = torch_device(options.device)) {
    return torch_plugin(options.device).make(*device, options);
  }
  CpuOptions cpu;
  cpu.threads = options.threads;
  if (options.precision == Precision::kFloat32) cpu.matrix_product = MatrixProduct::kFloat32;
  if (options.precision == Precision::kExpanded) cpu.matrix_product = MatrixProduct::kExpanded;
  return std::make_unique<CpuBackend>(cpu);
}

}  // namespace owl3
