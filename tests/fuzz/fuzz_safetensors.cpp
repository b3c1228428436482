// Fuzzes the safetensors reader, then touches every byte it claims to have found. InputError is the
// only way out.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // On the heap: aligned as a mapped file is.
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  try {
    size_t covered = 0;
    volatile uint8_t sum = 0;
    for (const auto& [name, tensor] : owl3::parse_all_safetensors(bytes, nullptr, "fuzz").tensors) {
      const auto* first = tensor.data<const uint8_t>();
      for (size_t i = 0; i < tensor.size_bytes(); ++i) sum = static_cast<uint8_t>(sum + first[i]);
      covered += tensor.size_bytes();
    }
    if (covered > size) __builtin_trap();
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
