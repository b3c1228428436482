// Models and batches that the trainer's tests share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/model.h"

namespace owl3::train::test {

/// tests/data/model/NAME: gated-tied, gated-untied, unified.
std::filesystem::path golden_model(const std::string& name);

/// A sample: ids, where its image tokens are, and from where on it is learnt.
struct Sample {
  std::vector<int64_t> ids;
  std::vector<int32_t> image_positions;
  std::vector<int32_t> images;  // indices into the batch's images
  int64_t learnt_from = 1;
};

/// Samples of different lengths with 2, 0, 1 and 3 images of the 4 there are.
std::vector<Sample> some_samples(int64_t vocab_size);

/// Rows of samples, each row its samples packed one behind the other, padded with `padding` more
/// tokens than the longest row needs.
Batch pack(const std::vector<std::vector<Sample>>& rows, int64_t padding = 0);

/// [n, L, Dv], the same each time.
torch::Tensor some_features(const ModelConfig& config, int64_t images = 4);

/// Largest difference of two tensors.
double largest_difference(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace owl3::train::test
