// How much arithmetic and memory traffic each benchmark test is, from the model's shapes and the
// sizes of its tensors: what an ideal program would have to do, and no more.
#pragma once

#include <cstdint>
#include <string>

#include "cli/bench/machine_peaks.h"
#include "formats/checkpoint.h"
#include "owl3/options.h"

namespace owl3::cli {

/// An addition or a multiplication is one operation.
struct Work {
  double float32_operations = 0;
  double bf16_operations = 0;
  double int8_operations = 0;
  double bytes = 0;  // read from memory

  Work& operator+=(const Work& more);
};

/// The time this machine would need at its peaks, and what holds it up: "memory", or the arithmetic
/// that takes most of it.
struct Bound {
  double seconds = 0;
  const char* name = "";
};
Bound bound_of(const Work& work, const MachinePeaks& peaks);

class WorkCounts {
 public:
  /// `bf16_dot`: whether this processor multiplies bf16.
  WorkCounts(const Checkpoint& checkpoint, const ModelOptions& options, bool bf16_dot);

  /// From the pixels of so many images, encoded at once, to their memories.
  Work encode(int64_t images) const;
  /// `tokens` read at once behind `before` others, and the logits of the last. Each sees, on
  /// average, `visible` images of the `images` in memory.
  Work read(int64_t tokens, int64_t before, int64_t images, double visible) const;

  /// Of one image in visual memory.
  double visual_bytes_per_image() const;

 private:
  enum class Arithmetic { kFloat32, kBFloat16, kInt8 };

  /// Matrices that are read together.
  struct Matrices {
    double weights = 0;
    double quantised_weights = 0;  // of those
    double bytes = 0;

    void add(const Tensor& tensor);
  };

  void add_matrices(const Checkpoint& checkpoint);
  static void add(Work& work, Arithmetic arithmetic, double operations);
  /// A product of `rows` rows with the matrices, and reading them once.
  Work product(const Matrices& matrices, int64_t rows) const;

  ModelConfig config_;
  Arithmetic many_rows_;  // of products with many rows
  bool many_rows_int8_;   // of those, where weights are quantised
  Arithmetic attention_;
  bool vision_int8_;
  double text_element_bytes_;
  double visual_element_bytes_;
  double visual_scale_bytes_;  // of a head's key or value
  Matrices vision_layers_;
  Matrices patches_;
  Matrices to_memory_;  // projector, v_kv_proj
  Matrices decoder_;
  Matrices head_;
};

}  // namespace owl3::cli
