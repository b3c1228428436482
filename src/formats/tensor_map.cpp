#include "formats/tensor_map.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace owl3 {

size_t TensorSpec::size_bytes() const {
  const auto bytes = dense_bytes(dtype, shape);
  OWL3_CHECK(bytes.has_value());
  return static_cast<size_t>(*bytes);
}

std::optional<uint64_t> dense_bytes(DType dtype, const Shape& shape) {
  const int64_t values = block_values(dtype);
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (row % values != 0) return std::nullopt;
  auto bytes = static_cast<int64_t>(block_bytes(dtype));
  bool empty = false;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t steps = axis + 1 == shape.size() ? shape[axis] / values : shape[axis];
    empty |= steps == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(steps, 1), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

std::string describe_foreign(std::string_view name, const ForeignTensor& tensor) {
  return fmt::format("tensor {} has dtype {}; only F32, F16 and BF16 are supported",
                     printable(name), printable(tensor.dtype));
}

std::string printable(std::string_view name) {
  using Json = nlohmann::json;
  return Json(name.substr(0, 200)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace owl3
