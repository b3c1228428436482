// adapter_config.json of PEFT: what of it decides the result, and whether that is plain LoRA.
#pragma once

#include <cstdint>
#include <filesystem>

namespace owl3 {

struct LoraConfig {
  int64_t rank = 0;
  double scale = 1;  // alpha / r, or alpha / sqrt(r)
};

/// Throws InputError naming the first key by whose value the adapter computes something else than
/// base + scale * B(A x), or may do so: a key that isn't known counts when it is set, that is
/// neither null, false nor empty.
LoraConfig read_lora_config(const std::filesystem::path& file);

}  // namespace owl3
