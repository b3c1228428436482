#include "core/tensor.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace owl3 {

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

namespace {
int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  int64_t n = 1;
  for (; begin != end; ++begin) n *= *begin;
  return n;
}
}  // namespace

int64_t Tensor::size() const { return product(shape_.begin(), shape_.end()); }

int64_t Tensor::row_size() const { return product(shape_.begin() + 1, shape_.end()); }

Tensor Tensor::reshaped(Shape shape) const {
  OWL3_CHECK(product(shape.begin(), shape.end()) == size());
  return Tensor(dtype_, std::move(shape), data_, owner_, device_);
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  OWL3_CHECK(0 <= begin && begin <= end && end <= dim(0));
  Shape shape = shape_;
  shape[0] = end - begin;
  auto* first = static_cast<std::byte*>(data_) + bytes_of(dtype_, begin * row_size());
  return Tensor(dtype_, std::move(shape), first, owner_, device_);
}

Tensor make_tensor(DType dtype, Shape shape) {
  constexpr size_t kAlignment = 64;
  const size_t content = bytes_of(dtype, product(shape.begin(), shape.end()));
  const size_t bytes = (content + kAlignment) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, bytes);
  if (data == nullptr) throw std::bad_alloc();
  std::memset(data, 0, bytes);
  return Tensor(dtype, std::move(shape), data, std::shared_ptr<const void>(data, std::free));
}

}  // namespace owl3
