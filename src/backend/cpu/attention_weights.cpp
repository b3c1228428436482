// What attention read: the weights behind its outputs, for people who want to see them.
#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/key_value_layout.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using cpu::packed_key_index;

/// The keys of one head in float32, [L, d].
std::vector<float> unpacked_keys(const KeyValueBlock& block, int64_t head, int64_t d) {
  std::vector<float> keys(static_cast<size_t>(block.count * d));
  const int64_t row = head * block.keys.row_size();
  const auto fill = [&](const auto& element) {
    for (int64_t j = 0; j < block.count; ++j) {
      for (int64_t i = 0; i < d; ++i) keys[static_cast<size_t>(j * d + i)] = element(j, i);
    }
  };
  switch (block.keys.dtype()) {
    case DType::kF32:
      fill([&](int64_t j, int64_t i) { return block.keys.f32()[row + j * d + i]; });
      return keys;
    case DType::kBF16: {
      const auto* packed = block.keys.data<bf16>() + row;
      fill([&](int64_t j, int64_t i) {
        return static_cast<float>(packed[packed_key_index(j, i, d)]);
      });
      return keys;
    }
    default: {
      const auto* packed = block.keys.data<int8_t>() + row;
      const float* scales = block.key_scales.f32() + head * block.capacity;
      fill([&](int64_t j, int64_t i) {
        return static_cast<float>(packed[packed_key_index(j, i, d)]) * scales[j];
      });
      return keys;
    }
  }
}

/// log(exp(a) + exp(b)), of which either may be -inf.
float log_sum(float a, float b) {
  const float most = std::max(a, b);
  return most == -INFINITY ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}

}  // namespace

ImageWeights CpuBackend::image_weights(const AttentionPart& visual, size_t sequence,
                                       int64_t first_row, const AttentionPart* text) {
  const Tensor& by_image = visual.by_image.at(sequence);
  const int64_t heads = by_image.dim(1);
  const int64_t rows = by_image.dim(0) * heads;
  const int64_t images = by_image.dim(2);
  ImageWeights weights;
  weights.by_image.resize(static_cast<size_t>(by_image.size()));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t of_all = first_row * heads + row;
    float whole = visual.log_sum_exp.f32()[of_all];
    if (text != nullptr) whole = log_sum(whole, text->log_sum_exp.f32()[of_all]);
    weights.log_sum_exp.push_back(whole);
    for (int64_t image = row * images; image < (row + 1) * images; ++image) {
      const float part = by_image.f32()[image];
      weights.by_image[static_cast<size_t>(image)] =
          part == -INFINITY ? 0.0f : std::exp(part - whole);
    }
  }
  return weights;
}

std::vector<float> CpuBackend::key_weights(const Tensor& q, std::span<const int32_t> distances,
                                           std::span<const float> log_sum_exps,
                                           const KeyValueBlock& image, const Tensor& rope) {
  const int64_t tokens = q.dim(0);
  const int64_t heads = q.dim(1);
  const int64_t d = q.dim(2);
  const int64_t group = heads / image.heads;
  const auto rows = static_cast<int64_t>(distances.size());
  OWL3_CHECK(rows == tokens && static_cast<int64_t>(log_sum_exps.size()) == tokens * heads);
  // Queries are the lanes of a vector, as in attention itself.
  const int64_t width =
      (tokens + kernels_->vector_width - 1) / kernels_->vector_width * kernels_->vector_width;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  std::vector<float> weights(static_cast<size_t>(heads * image.count));
  parallel_for(threads_, image.heads, [&](int64_t kv_head) {
    const std::vector<float> keys = unpacked_keys(image, kv_head, d);
    std::vector<float> queries(static_cast<size_t>(d * width));
    std::vector<float> scores(static_cast<size_t>(image.count * width));
    std::vector<float> rotated(static_cast<size_t>(d));
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (int64_t t = 0; t < tokens; ++t) {
        const float* angles = rope.f32() + distances[static_cast<size_t>(t)] * d;
        kernels_->rotate(q.f32() + (t * heads + head) * d, angles, angles + d / 2, rotated.data(),
                         d);
        for (int64_t i = 0; i < d; ++i) {
          queries[static_cast<size_t>(i * width + t)] = rotated[static_cast<size_t>(i)] * scale;
        }
      }
      // s = K q / sqrt(d)   [L, width]
      kernels_->multiply_small(image.count, width, d, keys.data(), d, 1, queries.data(), width,
                               scores.data(), width, false);
      for (int64_t j = 0; j < image.count; ++j) {
        float sum = 0;
        for (int64_t t = 0; t < tokens; ++t) {
          sum += std::exp(scores[static_cast<size_t>(j * width + t)] -
                          log_sum_exps[static_cast<size_t>(t * heads + head)]);
        }
        weights[static_cast<size_t>(head * image.count + j)] = sum;
      }
    }
  });
  return weights;
}

}  // namespace owl3
