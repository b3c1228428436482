// Weights that are no numbers: NaN and infinities, which no model in working order has, and which
// a forward pass may hide.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "formats/checkpoint.h"
#include "owl3/options.h"

namespace owl3 {

/// The first value of a tensor that is NaN or infinite; of a block type, the first one of the first
/// block whose scale is.
struct NotANumber {
  int64_t index = 0;  // in row-major order
  bool is_nan = false;
};

/// Looks at `count` elements of the type, whole blocks.
std::optional<NotANumber> find_not_a_number(DType dtype, const void* elements, int64_t count);

/// "tensor X holds NaN at [3, 17]"
std::string describe(const NotANumber& value, const std::string& tensor, const Shape& shape);

/// Throws InputError naming file and tensor unless all values are finite.
void check_finite(const Tensor& tensor, const std::string& name, const std::string& file);

/// A tensor of a checkpoint that holds a value which is no number.
struct BrokenTensor {
  std::string file;
  std::string name;
  Shape shape;
  NotANumber first;

  /// "FILE: tensor X holds NaN at [3, 17]; the file is broken: ..."
  std::string message() const;
};

/// Reads the weights of the tensors that the model uses and whose names begin with `prefix`, and
/// returns the broken ones. Memory stays at some megabytes. The progress counts megabytes; it
/// interrupts by Interrupted.
std::vector<BrokenTensor> find_broken_tensors(const Checkpoint& checkpoint, std::string_view prefix,
                                              int threads, const ProgressCallback& progress = {});

}  // namespace owl3
