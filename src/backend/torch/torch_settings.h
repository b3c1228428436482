// What stands behind a device's name: "cuda:0,memory=20G,graphs=off".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace owl3 {

struct TorchSettings {
  std::string device;
  std::optional<int64_t> image_bytes;  // of the device's memory that images may take
  bool graphs = true;                  // steps of decoding are recorded, where the device can
};

/// Throws UsageError for a setting that is none, or comes twice.
TorchSettings torch_settings(const std::string& text);

}  // namespace owl3
