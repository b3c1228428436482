// One step of the online softmax, for scores that lie [keys, rows]: rows of queries are the lanes
// of a vector, so maxima, exponentials and sums over the keys never cross lanes.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

/// kMasked: some row does not see all keys of the step.
template <bool kMasked>
inline void step_of_rows(float* scores, int64_t keys, int64_t rows, IVec limit, float* maxima,
                         float* sums, float* scales) {
  const Vec never = broadcast(-__builtin_inff());
  const auto seen = [&](int64_t j, Vec value, Vec otherwise) {
    if constexpr (kMasked) return static_cast<int32_t>(j) < limit ? value : otherwise;
    return value;
  };
  const Vec old_maximum = load(maxima);
  Vec new_maximum = old_maximum;
  for (int64_t j = 0; j < keys; ++j) {
    new_maximum = maximum(new_maximum, seen(j, load(scores + j * rows), never));
  }
  // A row that has seen no key yet has the maximum -inf; 0 in its place keeps NaN away.
  const Vec base = new_maximum > never ? new_maximum : Vec{};
  const Vec scale = old_maximum > never ? exponential(old_maximum - base) : Vec{};
  Vec sum = load(sums) * scale;
  for (int64_t j = 0; j < keys; ++j) {
    const Vec weight = seen(j, exponential(load(scores + j * rows) - base), Vec{});
    sum += weight;
    store(scores + j * rows, weight);
  }
  store(maxima, new_maximum);
  store(sums, sum);
  store(scales, scale);
}

}  // namespace

void softmax_step(float* scores, int64_t keys, int64_t rows, int64_t first_key,
                  const int32_t* limits, float* maxima, float* sums, float* scales) {
  for (int64_t row = 0; row < rows; row += kWidth) {
    const IVec limit = load(limits + row) - static_cast<int32_t>(first_key);
    bool all_seen = true;
    for (int64_t i = 0; i < kWidth; ++i) all_seen &= limit[i] >= keys;
    if (all_seen) {
      step_of_rows<false>(scores + row, keys, rows, limit, maxima + row, sums + row, scales + row);
    } else {
      step_of_rows<true>(scores + row, keys, rows, limit, maxima + row, sums + row, scales + row);
    }
  }
}

}  // namespace owl3::cpu::OWL3_ISA
