// Fuzzes config.json and generation_config.json, and the list of tensors a config implies.
// InputError is the only way out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "formats/config.h"
#include "formats/tensor_names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    owl3::parse_generation_config(json, "fuzz");
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  try {
    const owl3::ModelConfig config = owl3::parse_model_config(json, "fuzz");
    for (const auto variant : {owl3::Variant::kGated, owl3::Variant::kUnified}) {
      for (const auto& tensor : owl3::expected_tensors(config, variant)) {
        int64_t size_of_tensor = 1;  // an overflow here is UBSan's to find
        for (const int64_t dimension : tensor.shape) size_of_tensor *= dimension;
        if (size_of_tensor <= 0) __builtin_trap();
      }
    }
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
