// The safetensors format: a little-endian u64 header length, a JSON header, the data.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/mapped_file.h"
#include "core/tensor.h"

namespace owl3 {

/// Tensors by name, sorted. They point into the mapped file and keep it alive.
using TensorMap = std::map<std::string, Tensor>;

/// Parses `bytes` (a whole file, kept alive by `owner`); `name` stands in error messages. Throws
/// InputError for a truncated or overlong header, bad JSON, dtypes other than F32/F16/BF16, offsets
/// out of range, misaligned, overlapping or with holes, shapes that disagree with the byte count.
TensorMap parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name);

/// Maps the file and parses it.
TensorMap load_safetensors(const std::filesystem::path& path);

}  // namespace owl3
