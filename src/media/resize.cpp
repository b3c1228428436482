// Bicubic resizing, bit-exact with Pillow: antialiased (the filter widens with the reduction), in
// two passes of 8-bit fixed point with a rounding to 8 bits between them.
//
// The image streams through: each source row is resized horizontally, then added to the sums of
// the target rows that it reaches, so memory beyond the result is a few target rows a thread. The
// horizontal pass does the work: 3 * source height * source width * 4 multiply-adds when reducing
// (144 million for 12 megapixels), all on coefficients and pixels in the first cache levels.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/threads.h"
#include "media/image.h"

// The two inner loops are compiled for several instruction sets and chosen at load time. Sanitized
// builds keep one: their run-time isn't up yet when the choice is made.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWL3_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define OWL3_VECTOR_CLONES
#endif

namespace owl3 {
namespace {

constexpr int kPrecisionBits = 22;  // 8-bit pixels and an overshoot of 2 bits fill 32
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);
constexpr int kLanes = 16;  // taps are padded to a multiple of this

/// Keys' cubic convolution kernel with a = -0.5.
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

/// For each target position, the source positions it is made of and their weights.
struct Weights {
  int taps = 0;  // weights stored per target position; those beyond `count` are zero
  std::vector<int> first;
  std::vector<int> count;
  std::vector<int32_t> values;  // [target, taps], times 2^22
};

// The rounding and the order of the additions are Pillow's: they decide the last bit.
Weights make_weights(int source, int target) {
  const double scale = static_cast<double>(source) / target;
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  Weights weights;
  weights.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  weights.first.resize(target);
  weights.count.resize(target);
  weights.values.resize(static_cast<size_t>(target) * weights.taps);
  std::vector<double> exact(weights.taps);
  for (int t = 0; t < target; ++t) {
    const double center = (t + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), source) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      exact[i] = bicubic((i + first - center + 0.5) * (1.0 / filter_scale));
      sum += exact[i];
    }
    int32_t* const row = weights.values.data() + static_cast<size_t>(t) * weights.taps;
    for (int i = 0; i < count; ++i) {
      const double fixed = (sum != 0.0 ? exact[i] / sum : exact[i]) * (1 << kPrecisionBits);
      row[i] = static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    weights.first[t] = first;
    weights.count[t] = count;
  }
  return weights;
}

/// The same weights for rows of interleaved RGB: each thrice, padded to whole vectors.
Weights spread_over_channels(const Weights& weights) {
  Weights spread{(weights.taps + kLanes - 1) / kLanes * kLanes, weights.first, weights.count, {}};
  spread.values.resize(spread.first.size() * spread.taps * 3);
  for (size_t t = 0; t < spread.first.size(); ++t) {
    const int32_t* const from = weights.values.data() + t * weights.taps;
    int32_t* const to = spread.values.data() + t * spread.taps * 3;
    for (int i = 0; i < weights.taps * 3; ++i) to[i] = from[i / 3];
  }
  return spread;
}

uint8_t round_to_8_bits(int32_t fixed) {
  return static_cast<uint8_t>(std::clamp((fixed + kHalf) >> kPrecisionBits, 0, 255));
}

/// One row, horizontally. `source` is readable for a vector beyond its end.
OWL3_VECTOR_CLONES
void resize_row(const uint8_t* source, const Weights& weights, uint8_t* target) {
  constexpr int kSums = kLanes * 3;  // lane i holds channel i % 3
  const size_t targets = weights.first.size();
  for (size_t t = 0; t < targets; ++t) {
    const int32_t* weight = weights.values.data() + t * weights.taps * 3;
    const uint8_t* pixel = source + static_cast<size_t>(weights.first[t]) * 3;
    int32_t sums[kSums] = {};
    for (int i = 0; i < weights.count[t]; i += kLanes, weight += kSums, pixel += kSums) {
      for (int lane = 0; lane < kSums; ++lane) sums[lane] += pixel[lane] * weight[lane];
    }
    for (int channel = 0; channel < 3; ++channel) {
      int32_t sum = 0;
      for (int lane = channel; lane < kSums; lane += 3) sum += sums[lane];
      target[t * 3 + channel] = round_to_8_bits(sum);
    }
  }
}

/// sums += weight * row
OWL3_VECTOR_CLONES
void add_row(const uint8_t* row, int32_t weight, int32_t* sums, size_t size) {
  for (size_t i = 0; i < size; ++i) sums[i] += row[i] * weight;
}

/// Target rows begin..end-1.
void resize_rows(const Image& image, const Weights& across, const Weights& down, int begin, int end,
                 Image& target) {
  const bool keeps_width = image.width == target.width;
  const size_t source_bytes = static_cast<size_t>(image.width) * 3;
  const size_t target_bytes = static_cast<size_t>(target.width) * 3;
  std::vector<uint8_t> padded(source_bytes + size_t{kLanes} * 3 * 2);
  std::vector<uint8_t> row(target_bytes);
  std::vector<int32_t> sums(target_bytes * static_cast<size_t>(end - begin));

  const int last = down.first[end - 1] + down.count[end - 1];
  int open = begin;  // the first target row that still wants source rows
  for (int y = down.first[begin]; y < last; ++y) {
    const uint8_t* source = image.rgb.data() + y * source_bytes;
    if (!keeps_width) {
      std::memcpy(padded.data(), source, source_bytes);
      resize_row(padded.data(), across, row.data());
      source = row.data();
    }
    while (open < end && down.first[open] + down.count[open] <= y) ++open;
    for (int t = open; t < end && down.first[t] <= y; ++t) {
      const int32_t weight = down.values[static_cast<size_t>(t) * down.taps + (y - down.first[t])];
      add_row(source, weight, sums.data() + (t - begin) * target_bytes, target_bytes);
    }
  }
  uint8_t* const out = target.rgb.data() + begin * target_bytes;
  for (size_t i = 0; i < sums.size(); ++i) out[i] = round_to_8_bits(sums[i]);
}

}  // namespace

Image resize_bicubic(const Image& image, int width, int height, int threads) {
  if (width <= 0 || height <= 0) {
    throw UsageError(fmt::format("can't resize an image to {} x {}", width, height));
  }
  OWL3_CHECK(image.width > 0 && image.height > 0 &&
             image.rgb.size() == static_cast<size_t>(image.width) * image.height * 3);
  if (image.width == width && image.height == height) return image;
  Image target{width, height, {}};
  target.rgb.resize(static_cast<size_t>(width) * height * 3);
  const Weights across = spread_over_channels(make_weights(image.width, width));
  const Weights down = make_weights(image.height, height);

  // Enough rows a task that the source rows two tasks share weigh little. The result doesn't
  // depend on how the rows are divided.
  constexpr int64_t kPixelsWorthAThread = 1 << 18;
  const int64_t pixels = int64_t{image.width} * image.height + int64_t{width} * height;
  if (threads <= 0) threads = available_threads();
  const int64_t tasks =
      std::clamp<int64_t>(pixels / kPixelsWorthAThread, 1, std::min(threads, height));
  parallel_for(static_cast<int>(tasks), tasks, [&](int64_t task) {
    resize_rows(image, across, down, static_cast<int>(height * task / tasks),
                static_cast<int>(height * (task + 1) / tasks), target);
  });
  return target;
}

}  // namespace owl3
