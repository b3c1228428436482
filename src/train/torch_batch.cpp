#include "train/torch_batch.h"

#include <torch/csrc/autograd/generated/variable_factories.h>

#include <algorithm>

#include "core/error.h"
#include "train/interleave.h"

namespace owl3::train {

namespace {

using torch::Tensor;

template <typename T>
Tensor int64_tensor(const std::vector<T>& values, std::vector<int64_t> shape,
                    torch::Device device) {
  Tensor tensor = torch::empty(shape, torch::kInt64);
  OWL3_CHECK(tensor.numel() == static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), tensor.data_ptr<int64_t>());
  return tensor.to(device);
}

KeySpans empty_spans(const Batch& rows, int64_t units, int64_t keys_per_unit) {
  const auto queries = static_cast<size_t>(rows.rows * rows.tokens);
  return {rows.rows,
          rows.tokens,
          units,
          keys_per_unit,
          std::vector<int32_t>(queries, 0),
          std::vector<int32_t>(queries, 0)};
}

/// Causal: from the segment's first token to the query itself.
KeySpans text_spans(const Batch& rows) {
  KeySpans spans = empty_spans(rows, rows.tokens, 1);
  for (int64_t row = 0; row < rows.rows; ++row) {
    for (int64_t t = 0; t < rows.tokens; ++t) {
      const auto at = static_cast<size_t>(row * rows.tokens + t);
      if (rows.segment[at] < 0) continue;
      spans.begin[at] = static_cast<int32_t>(t) - rows.position[at];
      spans.end[at] = static_cast<int32_t>(t + 1);
    }
  }
  return spans;
}

/// The images of the query's segment whose token lies at or before it (unified), or before it
/// (gated).
KeySpans visual_spans(const Batch& rows, int64_t tokens_per_image, Variant variant) {
  const int32_t offset = image_position_offset(variant);
  KeySpans spans = empty_spans(rows, rows.images_per_row, tokens_per_image);
  for (int64_t row = 0; row < rows.rows; ++row) {
    const auto images = static_cast<size_t>(row * rows.images_per_row);
    int32_t begin = 0, end = 0;  // both only move on, as segments and their images are in order
    int32_t segment = -1;
    for (int64_t t = 0; t < rows.tokens; ++t) {
      const auto at = static_cast<size_t>(row * rows.tokens + t);
      if (rows.segment[at] < 0) continue;
      if (rows.segment[at] != segment) begin = end;
      segment = rows.segment[at];
      const auto is_before = [&](int32_t image) {
        const size_t i = images + static_cast<size_t>(image);
        return rows.image_segment[i] >= 0 &&
               (rows.image_segment[i] < segment ||
                (rows.image_segment[i] == segment &&
                 rows.image_position[i] + offset <= rows.position[at]));
      };
      while (end < rows.images_per_row && is_before(end)) ++end;
      while (begin < end && rows.image_segment[images + static_cast<size_t>(begin)] < segment) {
        ++begin;
      }
      spans.begin[at] = begin;
      spans.end[at] = end;
    }
  }
  return spans;
}

void add_targets(TorchBatch& batch, const Batch& rows, torch::Device device) {
  std::vector<int64_t> learnt, targets;
  for (size_t at = 0; at < rows.labels.size(); ++at) {
    if (rows.labels[at] == kNoLabel || rows.position[at] == 0) continue;
    learnt.push_back(static_cast<int64_t>(at) - 1);
    targets.push_back(rows.labels[at]);
  }
  const auto count = static_cast<int64_t>(learnt.size());
  batch.learnt = int64_tensor(learnt, {count}, device);
  batch.targets = int64_tensor(targets, {count}, device);
}

void add_images(TorchBatch& batch, const Batch& rows, const ModelConfig& config, Variant variant,
                torch::Device device) {
  batch.images_per_row = rows.images_per_row;
  if (rows.images_per_row == 0) return;
  const std::vector<int64_t> shape = {rows.rows, rows.images_per_row};
  batch.images = int64_tensor(rows.image, shape, device).clamp_min_(0).flatten();
  const Tensor positions =
      int64_tensor(rows.image_position, shape, device) + image_position_offset(variant);
  batch.image_angles =
      rotary_angles(positions.unsqueeze(-1), config.head_size(), config.rope_theta);
  batch.visual =
      AttentionPlan(visual_spans(rows, config.vision.tokens_per_image(), variant), device);
}

TorchBatch text_batch(const Batch& rows, const ModelConfig& config, torch::Device device) {
  const std::vector<int64_t> shape = {rows.rows, rows.tokens};
  TorchBatch batch;
  batch.ids = int64_tensor(rows.ids, shape, device);
  batch.text_angles = rotary_angles(int64_tensor(rows.position, shape, device), config.head_size(),
                                    config.rope_theta);
  batch.text = AttentionPlan(text_spans(rows), device);
  add_targets(batch, rows, device);
  return batch;
}

TorchBatch interleaved_batch(const Batch& rows, const ModelConfig& config, torch::Device device) {
  const InterleavedRows interleaved = interleave(rows, config.vision.tokens_per_image());
  TorchBatch batch = text_batch(interleaved.rows, config, device);
  if (interleaved.images.empty()) return batch;
  const auto size = [](const std::vector<int64_t>& list) {
    return std::vector<int64_t>{static_cast<int64_t>(list.size())};
  };
  batch.inline_places = int64_tensor(interleaved.places, size(interleaved.places), device);
  batch.inline_images = int64_tensor(interleaved.images, size(interleaved.images), device);
  return batch;
}

}  // namespace

TorchBatch make_torch_batch(const Batch& rows, const ModelConfig& config, Variant variant,
                            torch::Device device) {
  if (config.hyper_layers.empty()) return interleaved_batch(rows, config, device);
  TorchBatch batch = text_batch(rows, config, device);
  add_images(batch, rows, config, variant, device);
  return batch;
}

}  // namespace owl3::train
