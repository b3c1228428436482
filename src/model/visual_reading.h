// What a text read from its images: the weights of attention in the hyper layers, kept where
// somebody wants to see them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace owl3 {

/// Of one text position, in one hyper layer.
struct LayerReading {
  /// [H, images seen]: the softmax weight of an image's visual keys, summed. Unified: of the one
  /// softmax over visual and text keys. Gated: of the visual softmax alone.
  std::vector<float> by_image;
  std::vector<float> log_sum_exp;  // [H]: of that softmax
  Tensor query;                    // [1, H*d], unrotated: what the weights of single keys are of
};

/// Of one text position: it sees the first images of its sequence.
struct VisualReading {
  int64_t position = 0;
  int64_t images = 0;
  std::vector<LayerReading> layers;  // by hyper layer

  /// Of all images of a sequence, 0 of those not seen.
  float weight(size_t layer, int64_t head, int64_t image) const {
    if (image >= images) return 0;
    return layers[layer].by_image[static_cast<size_t>(head * images + image)];
  }
};

/// Shared by forks, as what was read does not change.
using VisualReadings = std::vector<std::shared_ptr<const VisualReading>>;

/// A sequence's readings from a position on, as its decoder makes them.
struct ReadingLog {
  int64_t first_position = 0;
  VisualReadings readings{};  // by ascending position

  /// Forgets those from a position on. Allocates nothing.
  void truncate(int64_t length) {
    while (!readings.empty() && readings.back()->position >= length) readings.pop_back();
  }
};

}  // namespace owl3
