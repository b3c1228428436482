// What the readers and writers of weight files share: tensors by name, and tensors to be written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace owl3 {

/// Tensors by name, sorted. They point into the mapped file and keep it alive.
using TensorMap = std::map<std::string, Tensor>;

/// A tensor of an element type that owl3 does not compute with (I64, BOOL, F8_E4M3, ...). A model
/// may hold such as long as they are no part of it.
struct ForeignTensor {
  std::string dtype;  // as the file names it
  Shape shape;
};
using ForeignTensors = std::map<std::string, ForeignTensor>;

/// "tensor X has dtype I64; only F32, F16 and BF16 are supported"
std::string describe_foreign(std::string_view name, const ForeignTensor& tensor);

/// A tensor about to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;

  size_t size_bytes() const;
};

/// Bytes of a dense tensor; nothing when the count, or that of any part of it, overflows, or when
/// its rows are not whole blocks of the type.
std::optional<uint64_t> dense_bytes(DType dtype, const Shape& shape);

/// A name as it may be printed: hostile files put anything there.
std::string printable(std::string_view name);

}  // namespace owl3
