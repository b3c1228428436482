// Values to blocks. For each group of values that share a scale, several scales are tried: round
// with one, fit the best scale to the integers by least squares, keep the fit with the least
// squared error. Every value counts alike: without knowledge of the activations, the expected
// squared error of a product is that of the weights. Then the scales themselves are rounded to what
// the block stores, and the integers chosen anew for the stored scales.
//
// Groups lie side by side, a lane each, so that all sums and choices run over lanes and vectorise
// without reordering a sum: the result is the same for every compiler flag and machine.
#include "formats/quantise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/block_layouts.h"
#include "core/error.h"
#include "core/rounding.h"

namespace owl3 {

namespace {

using namespace rounding;
using rounding::encode;  // beside those below

/// kLanes groups of kValues values: [i][lane].
template <int kValues, int kLanes>
using Groups = float[kValues][kLanes];

template <int kValues, int kLanes>
void transpose(const float* x, Groups<kValues, kLanes>& groups) {
  for (int i = 0; i < kValues; ++i) {
    for (int lane = 0; lane < kLanes; ++lane) groups[i][lane] = x[lane * kValues + i];
  }
}

/// The scale of each group, x ~ scale * q with integers -kMax <= q < kMax.
template <int kMax, int kCandidates, int kValues, int kLanes>
void find_scales(const Groups<kValues, kLanes>& x, float (&scales)[kLanes]) {
  float extreme[kLanes] = {};  // the value of largest magnitude; it goes to about -kMax
  for (int i = 0; i < kValues; ++i) {
    for (int l = 0; l < kLanes; ++l) {
      extreme[l] = std::fabs(x[i][l]) > std::fabs(extreme[l]) ? x[i][l] : extreme[l];
    }
  }
  float best_gain[kLanes] = {};  // how much less than sum x^2 the squared error is
  std::fill_n(scales, kLanes, 0.0f);
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    // From kMax + 1, where the extreme is cut off a little, down to kMax - 1.
    const float reach = kMax + 1 - 2.0f * static_cast<float>(candidate) / (kCandidates - 1);
    float inverse[kLanes];
    float xq[kLanes] = {};
    float qq[kLanes] = {};
    for (int l = 0; l < kLanes; ++l) inverse[l] = -reach * inverse_of(extreme[l]);
    for (int i = 0; i < kValues; ++i) {
      for (int l = 0; l < kLanes; ++l) {
        const float q = clamped(nearest(x[i][l] * inverse[l]), -kMax, kMax - 1);
        xq[l] += x[i][l] * q;
        qq[l] += q * q;
      }
    }
    for (int l = 0; l < kLanes; ++l) {
      const float scale = xq[l] * inverse_of(qq[l]);
      const float gain = xq[l] * scale;
      const bool better = gain > best_gain[l];
      best_gain[l] = better ? gain : best_gain[l];
      scales[l] = better ? scale : scales[l];
    }
  }
}

/// x ~ scale * q - min of each group, with 0 <= q <= 15 and min >= 0.
template <int kCandidates, int kValues, int kLanes>
void find_scales_and_mins(const Groups<kValues, kLanes>& x, float (&scales)[kLanes],
                          float (&mins)[kLanes]) {
  constexpr float kCount = kValues;
  float low[kLanes] = {};  // min >= 0: a group above zero begins at zero
  float high[kLanes];
  float sum_x[kLanes] = {};
  std::copy_n(x[0], kLanes, high);
  for (int i = 0; i < kValues; ++i) {
    for (int l = 0; l < kLanes; ++l) {
      low[l] = std::min(low[l], x[i][l]);
      high[l] = std::max(high[l], x[i][l]);
      sum_x[l] += x[i][l];
    }
  }
  float best_gain[kLanes];
  std::fill_n(best_gain, kLanes, -1.0f);
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    // From steps a little wider than the range needs to ones that cut off both ends.
    const float steps = 14.4f + 2.8f * static_cast<float>(candidate) / (kCandidates - 1);
    float inverse[kLanes];
    float
        start[kLanes];  // where q = 0 lies: what the range lacks or exceeds is shared by both ends
    float sum_q[kLanes] = {};
    float xq[kLanes] = {};
    float qq[kLanes] = {};
    for (int l = 0; l < kLanes; ++l) {
      const float range = high[l] - low[l];
      inverse[l] = steps * inverse_of(range);
      start[l] = low[l] < 0 ? low[l] + range * (steps - 15.0f) / (2 * steps) : low[l];
    }
    for (int i = 0; i < kValues; ++i) {
      for (int l = 0; l < kLanes; ++l) {
        const float q = clamped(nearest((x[i][l] - start[l]) * inverse[l]), 0, 15);
        sum_q[l] += q;
        xq[l] += x[i][l] * q;
        qq[l] += q * q;
      }
    }
    for (int l = 0; l < kLanes; ++l) {
      const float spread = kCount * qq[l] - sum_q[l] * sum_q[l];
      float scale = (kCount * xq[l] - sum_x[l] * sum_q[l]) * inverse_of(spread);
      float min = (scale * sum_q[l] - sum_x[l]) / kCount;
      const bool through_zero = min < 0;
      min = through_zero ? 0.0f : min;
      scale = through_zero ? xq[l] * inverse_of(qq[l]) : scale;
      // sum x^2 - sum (x - scale q + min)^2 at the fit.
      const float gain = scale * xq[l] - min * sum_x[l];
      const bool better = gain > best_gain[l];
      best_gain[l] = better ? gain : best_gain[l];
      scales[l] = better ? scale : scales[l];
      mins[l] = better ? min : mins[l];
    }
  }
}

void encode(const float* x, float scale, BlockQ4_0& block) {
  block.d = half_bits(scale);
  const float inverse = inverse_of(half(block.d));
  const auto nibble = [&](float value) {
    return static_cast<unsigned>(clamped(nearest(value * inverse), -8, 7) + 8);
  };
  for (int j = 0; j < 16; ++j) {
    block.qs[j] = static_cast<uint8_t>(nibble(x[j]) | nibble(x[j + 16]) << 4);
  }
}

/// Packs the 6-bit scales and mins of 8 groups as BlockQ4_K::scales has them.
void pack_scales(const unsigned (&scales)[8], const unsigned (&mins)[8], uint8_t* packed) {
  for (int g = 0; g < 4; ++g) {
    packed[g] = static_cast<uint8_t>(scales[g] | scales[g + 4] >> 4 << 6);
    packed[g + 4] = static_cast<uint8_t>(mins[g] | mins[g + 4] >> 4 << 6);
    packed[g + 8] = static_cast<uint8_t>((scales[g + 4] & 15) | (mins[g + 4] & 15) << 4);
  }
}

void encode(const float* x, BlockQ4_K& block) {
  constexpr int kGroups = 8;
  constexpr int kValues = 32;
  Groups<kValues, kGroups> groups;
  float scales[kGroups] = {};
  float mins[kGroups] = {};
  transpose(x, groups);
  find_scales_and_mins<13>(groups, scales, mins);

  block.d = half_bits(*std::max_element(scales, scales + kGroups) / 63);
  block.dmin = half_bits(*std::max_element(mins, mins + kGroups) / 63);
  const float d = half(block.d);
  const float dmin = half(block.dmin);
  unsigned stored_scales[kGroups];
  unsigned stored_mins[kGroups];
  float inverse[kGroups];
  float offset[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    const float scale = clamped(nearest(scales[g] * inverse_of(d)), 0, 63);
    const float min = clamped(nearest(mins[g] * inverse_of(dmin)), 0, 63);
    stored_scales[g] = static_cast<unsigned>(scale);
    stored_mins[g] = static_cast<unsigned>(min);
    inverse[g] = inverse_of(d * scale);
    offset[g] = dmin * min;
  }
  pack_scales(stored_scales, stored_mins, block.scales);
  for (int p = 0; p < kGroups / 2; ++p) {
    for (int j = 0; j < kValues; ++j) {
      const auto nibble = [&](int g) {
        return static_cast<unsigned>(
            clamped(nearest((groups[j][g] + offset[g]) * inverse[g]), 0, 15));
      };
      block.qs[kValues * p + j] = static_cast<uint8_t>(nibble(2 * p) | nibble(2 * p + 1) << 4);
    }
  }
}

void encode(const float* x, BlockQ6_K& block) {
  constexpr int kGroups = 16;
  constexpr int kValues = 16;
  Groups<kValues, kGroups> groups;
  float scales[kGroups];
  transpose(x, groups);
  find_scales<32, 9>(groups, scales);

  float extreme = 0;
  for (const float scale : scales)
    extreme = std::fabs(scale) > std::fabs(extreme) ? scale : extreme;
  block.d = half_bits(extreme / -128);
  const float d = half(block.d);
  uint8_t q[256];
  for (int g = 0; g < kGroups; ++g) {
    const float scale = clamped(nearest(scales[g] * inverse_of(d)), -128, 127);
    const float inverse = inverse_of(d * scale);
    block.scales[g] = static_cast<int8_t>(scale);
    for (int i = 0; i < kValues; ++i) {
      q[kValues * g + i] =
          static_cast<uint8_t>(clamped(nearest(x[kValues * g + i] * inverse), -32, 31) + 32);
    }
  }
  for (int h = 0; h < 2; ++h) {
    const uint8_t* half_q = q + 128 * h;
    for (int j = 0; j < 32; ++j) {
      const unsigned q0 = half_q[j];
      const unsigned q1 = half_q[32 + j];
      const unsigned q2 = half_q[64 + j];
      const unsigned q3 = half_q[96 + j];
      block.ql[64 * h + j] = static_cast<uint8_t>((q0 & 15) | (q2 & 15) << 4);
      block.ql[64 * h + 32 + j] = static_cast<uint8_t>((q1 & 15) | (q3 & 15) << 4);
      block.qh[32 * h + j] =
          static_cast<uint8_t>(q0 >> 4 | q1 >> 4 << 2 | q2 >> 4 << 4 | q3 >> 4 << 6);
    }
  }
}

/// Eight blocks at a time, for the lanes; what the last ones lack is zeros.
void encode_q4_0(const float* x, BlockQ4_0* blocks, int64_t count) {
  constexpr int kLanes = 8;
  constexpr int kValues = 32;
  for (int64_t first = 0; first < count; first += kLanes) {
    const int64_t present = std::min<int64_t>(kLanes, count - first);
    float padded[kLanes * kValues] = {};
    std::copy_n(x + first * kValues, present * kValues, padded);
    Groups<kValues, kLanes> groups;
    float scales[kLanes];
    transpose(padded, groups);
    find_scales<8, 13>(groups, scales);
    for (int64_t b = 0; b < present; ++b) {
      encode(padded + b * kValues, scales[b], blocks[first + b]);
    }
  }
}

template <typename Block>
void encode_all(DType type, const float* x, void* blocks, int64_t n) {
  auto* block = static_cast<Block*>(blocks);
  const int64_t values = block_values(type);
  for (int64_t b = 0; b < n / values; ++b) encode(x + b * values, block[b]);
}

template <typename Element>
void narrow(const float* x, void* elements, int64_t n) {
  auto* element = static_cast<Element*>(elements);
  for (int64_t i = 0; i < n; ++i) element[i] = Element::from_float(x[i]);
}

}  // namespace

float largest_value(DType type) {
  switch (type) {
    case DType::kF32:
      return std::numeric_limits<float>::max();
    case DType::kBF16:
      return 0x1.fep127f;
    default:
      return kLargestHalf;
  }
}

void quantise(DType type, const float* x, void* blocks, int64_t n) {
  OWL3_CHECK(n % block_values(type) == 0);
  switch (type) {
    case DType::kF32:
      std::copy_n(x, n, static_cast<float*>(blocks));
      return;
    case DType::kF16:
      return narrow<f16>(x, blocks, n);
    case DType::kBF16:
      return narrow<bf16>(x, blocks, n);
    case DType::kQ8_0:
      return encode_all<BlockQ8_0>(type, x, blocks, n);
    case DType::kQ4_0:
      return encode_q4_0(x, static_cast<BlockQ4_0*>(blocks), n / block_values(type));
    case DType::kQ4_K:
      return encode_all<BlockQ4_K>(type, x, blocks, n);
    case DType::kQ6_K:
      return encode_all<BlockQ6_K>(type, x, blocks, n);
    case DType::kI8:
      break;  // not an element type of files
  }
  OWL3_CHECK(false);
}

}  // namespace owl3
