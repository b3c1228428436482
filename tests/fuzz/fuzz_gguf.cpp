// Fuzzes the GGUF reader, touches every byte it claims to have found, and decodes what blocks there
// are. InputError is the only way out.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "formats/gguf.h"
#include "formats/quantise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // On the heap: aligned as a mapped file is.
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  try {
    size_t covered = 0;
    volatile float sum = 0;
    const owl3::Gguf gguf = owl3::parse_gguf(bytes, nullptr, "fuzz");
    for (const auto& [name, tensor] : gguf.tensors) {
      std::vector<float> values(static_cast<size_t>(tensor.size()));
      owl3::dequantise(tensor.dtype(), tensor.raw(), values.data(), tensor.size());
      for (const float value : values) sum = sum + value;
      covered += tensor.size_bytes();
    }
    for (const auto& [key, value] : gguf.metadata) {
      for (const char byte : value.bytes) sum = sum + static_cast<float>(byte);
      covered += value.bytes.size();
    }
    if (covered > size) __builtin_trap();
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
