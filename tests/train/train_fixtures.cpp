#include "train_fixtures.h"

#include <algorithm>

#include "formats/random_weights.h"

namespace owl3::train::test {

std::filesystem::path golden_model(const std::string& name) {
  return std::filesystem::path(OWL3_TEST_DATA) / "model" / name;
}

std::vector<Sample> some_samples(int64_t vocab_size) {
  std::vector<Sample> samples = {
      {{}, {2, 7}, {0, 1}, 9}, {{}, {}, {}, 4}, {{}, {0}, {2}, 3}, {{}, {1, 2, 14}, {3, 0, 2}, 8}};
  const std::vector<int64_t> lengths = {14, 9, 6, 17};
  int64_t next = 5;
  for (size_t i = 0; i < samples.size(); ++i) {
    for (int64_t t = 0; t < lengths[i]; ++t) {
      next = (next * 7 + 3 + t) % (vocab_size - 3);
      samples[i].ids.push_back(next + 3);
    }
    for (const int32_t position : samples[i].image_positions) {
      samples[i].ids[static_cast<size_t>(position)] = 2;
    }
  }
  return samples;
}

namespace {

void append_row(Batch& batch, const std::vector<Sample>& samples) {
  const auto tokens_end = batch.ids.size() + static_cast<size_t>(batch.tokens);
  const auto images_end = batch.image.size() + static_cast<size_t>(batch.images_per_row);
  for (size_t s = 0; s < samples.size(); ++s) {
    const Sample& sample = samples[s];
    for (size_t t = 0; t < sample.ids.size(); ++t) {
      const bool learnt = static_cast<int64_t>(t) >= sample.learnt_from;
      batch.ids.push_back(sample.ids[t]);
      batch.labels.push_back(learnt ? sample.ids[t] : kNoLabel);
      batch.segment.push_back(static_cast<int32_t>(s));
      batch.position.push_back(static_cast<int32_t>(t));
    }
    for (size_t i = 0; i < sample.images.size(); ++i) {
      batch.image.push_back(sample.images[i]);
      batch.image_segment.push_back(static_cast<int32_t>(s));
      batch.image_position.push_back(sample.image_positions[i]);
    }
  }
  batch.ids.resize(tokens_end, 0);
  batch.labels.resize(tokens_end, kNoLabel);
  batch.segment.resize(tokens_end, -1);
  batch.position.resize(tokens_end, 0);
  batch.image.resize(images_end, -1);
  batch.image_segment.resize(images_end, -1);
  batch.image_position.resize(images_end, -1);
}

}  // namespace

Batch pack(const std::vector<std::vector<Sample>>& rows, int64_t padding) {
  Batch batch;
  batch.rows = std::ssize(rows);
  for (const auto& samples : rows) {
    int64_t tokens = 0, images = 0;
    for (const Sample& sample : samples) {
      tokens += std::ssize(sample.ids);
      images += std::ssize(sample.images);
    }
    batch.tokens = std::max(batch.tokens, tokens);
    batch.images_per_row = std::max(batch.images_per_row, images);
  }
  batch.tokens += padding;
  for (const auto& samples : rows) append_row(batch, samples);
  return batch;
}

torch::Tensor some_features(const ModelConfig& config, int64_t images) {
  torch::Tensor features =
      torch::empty({images, config.vision.tokens_per_image(), config.vision.hidden_size});
  fill_random(DType::kF32, features.data_ptr(), 0, features.numel(), random_key(1, "features"), 1);
  return features;
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace owl3::train::test
