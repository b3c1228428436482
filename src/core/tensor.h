// Tensor: shape, element type and row-major data, with shared ownership of whatever holds it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"

namespace owl3 {

using Shape = std::vector<int64_t>;

/// "[3, 384, 384]"
std::string to_string(const Shape& shape);

/// A dense row-major array. Copying a Tensor copies the handle, not the data; the owner (a mapped
/// file, a pooled buffer) lives as long as any Tensor that points into it.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, Shape shape, void* data, std::shared_ptr<const void> owner)
      : dtype_(dtype), shape_(std::move(shape)), data_(data), owner_(std::move(owner)) {}

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_.at(axis); }
  bool defined() const { return data_ != nullptr; }
  int64_t size() const;
  size_t size_bytes() const { return bytes_of(dtype_, size()); }
  /// Elements in one step along the first axis.
  int64_t row_size() const;

  void* raw() const { return data_; }
  template <typename T>
  T* data() const {
    return static_cast<T*>(data_);
  }
  float* f32() const {
    OWL3_CHECK(dtype_ == DType::kF32);
    return static_cast<float*>(data_);
  }

  /// The same data under another shape of equal size.
  Tensor reshaped(Shape shape) const;
  /// Rows begin..end-1 of the first axis, sharing the data.
  Tensor rows(int64_t begin, int64_t end) const;

 private:
  DType dtype_ = DType::kF32;
  Shape shape_;
  void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

/// A zeroed tensor on the heap, 64-byte aligned.
Tensor make_tensor(DType dtype, Shape shape);

}  // namespace owl3
