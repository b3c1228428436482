// Values put into weight files that are there already, in place.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "core/mapped_file.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace owl3::test {

enum class Bad { kNan, kInfinity, kMinusInfinity };

inline float value_of(Bad bad) {
  return bad == Bad::kNan        ? std::numeric_limits<float>::quiet_NaN()
         : bad == Bad::kInfinity ? std::numeric_limits<float>::infinity()
                                 : -std::numeric_limits<float>::infinity();
}

inline std::string bytes_of_value(float value, DType dtype) {
  const auto raw = [](const auto& v) {
    return std::string(reinterpret_cast<const char*>(&v), sizeof v);
  };
  if (dtype == DType::kF32) return raw(value);
  if (dtype == DType::kBF16) return raw(bf16::from_float(value));
  return raw(f16::from_float(value));  // of block types, the scale's
}

/// Puts a value in the place of value `index` of a tensor in a safetensors or GGUF file; of a block
/// type, in that of its block's scale.
inline void put_value(const std::filesystem::path& path, const std::string& name, int64_t index,
                      float value) {
  std::streamoff offset = 0;
  DType dtype = DType::kF32;
  {
    const auto file = MappedFile::open(path);
    const TensorMap tensors = is_gguf(file->bytes())
                                  ? parse_gguf(file->bytes(), file, path.string()).tensors
                                  : parse_safetensors(file->bytes(), file, path.string());
    const Tensor& tensor = tensors.at(name);
    ASSERT_LT(index, tensor.size()) << name;
    dtype = tensor.dtype();
    const int64_t block = index / block_values(dtype);
    offset = tensor.data<const std::byte>() - file->bytes().data() +
             block * static_cast<int64_t>(block_bytes(dtype)) + (dtype == DType::kQ6_K ? 208 : 0);
  }
  const std::string bytes = bytes_of_value(value, dtype);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.good()) << path;
}

inline void put_bad(const std::filesystem::path& path, const std::string& name, int64_t index,
                    Bad bad) {
  put_value(path, name, index, value_of(bad));
}

}  // namespace owl3::test
