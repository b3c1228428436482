// One step of the online softmax, for scores that lie [keys, rows]: rows of queries are the lanes
// of a vector, so maxima, exponentials and sums over the keys never cross lanes.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

void softmax_step(float* scores, int64_t keys, int64_t rows, int64_t first_key,
                  const int32_t* limits, float* maxima, float* sums, float* scales) {
  const Vec never = broadcast(-__builtin_inff());
  for (int64_t row = 0; row < rows; row += kWidth) {
    const IVec limit = load(limits + row) - static_cast<int32_t>(first_key);
    const Vec old_maximum = load(maxima + row);
    Vec new_maximum = old_maximum;
    for (int64_t j = 0; j < keys; ++j) {
      const Vec score = load(scores + j * rows + row);
      new_maximum = maximum(new_maximum, static_cast<int32_t>(j) < limit ? score : never);
    }
    // A row that has seen no key yet has the maximum -inf; 0 in its place keeps NaN away.
    const Vec base = new_maximum > never ? new_maximum : Vec{};
    const Vec scale = old_maximum > never ? exponential(old_maximum - base) : Vec{};
    Vec sum = load(sums + row) * scale;
    for (int64_t j = 0; j < keys; ++j) {
      const Vec score = load(scores + j * rows + row);
      const Vec weight = static_cast<int32_t>(j) < limit ? exponential(score - base) : Vec{};
      sum += weight;
      store(scores + j * rows + row, weight);
    }
    store(maxima + row, new_maximum);
    store(sums + row, sum);
    store(scales + row, scale);
  }
}

}  // namespace owl3::cpu::OWL3_ISA
