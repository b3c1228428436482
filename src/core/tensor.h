// Tensor: shape, element type and row-major data, with shared ownership of whatever holds it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/device.h"
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
  Tensor(DType dtype, Shape shape, void* data, std::shared_ptr<const void> owner,
         Device device = {})
      : dtype_(dtype),
        device_(device),
        shape_(std::move(shape)),
        data_(data),
        owner_(std::move(owner)) {}

  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_.at(axis); }
  bool defined() const { return data_ != nullptr; }
  int64_t size() const;
  size_t size_bytes() const { return bytes_of(dtype_, size()); }
  /// Elements in one step along the first axis.
  int64_t row_size() const;

  /// Its elements, of a tensor in the host's memory. A tensor that is const hands out none to write
  /// to; what a file is mapped to must not be written in any case.
  const void* raw() const { return on(Device()); }
  void* raw() { return on(Device()); }
  template <typename T>
  const T* data() const {
    return static_cast<const T*>(raw());
  }
  template <typename T>
  T* data() {
    return static_cast<T*>(raw());
  }
  const float* f32() const {
    OWL3_CHECK(dtype_ == DType::kF32);
    return data<float>();
  }
  float* f32() {
    OWL3_CHECK(dtype_ == DType::kF32);
    return data<float>();
  }
  /// Its address on the device where it lies, for the backend whose device that is.
  void* on(Device device) const {
    OWL3_CHECK(device_ == device);
    return data_;
  }

  /// What holds its memory; two tensors that have it in common share memory that was never given
  /// back meanwhile.
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// The same data under another shape of equal size.
  Tensor reshaped(Shape shape) const;
  /// Rows begin..end-1 of the first axis, sharing the data.
  Tensor rows(int64_t begin, int64_t end) const;

 private:
  DType dtype_ = DType::kF32;
  Device device_;
  Shape shape_;
  void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

/// A zeroed tensor on the heap, 64-byte aligned.
Tensor make_tensor(DType dtype, Shape shape);

}  // namespace owl3
