#include "memory/image_encoder.h"

#include <chrono>
#include <utility>
#include <variant>

#include "core/error.h"

namespace owl3 {

DType memory_dtype(const ModelOptions& options) {
  if (options.visual_memory_int8) return DType::kI8;
  return options.precision == Precision::kFloat32 ? DType::kF32 : DType::kBF16;
}

int64_t bytes_per_image(Owl3Model& model, const ModelOptions& options) {
  const ModelConfig& config = model.config();
  const KeyValueBlock block =
      model.backend().new_block(config.num_key_value_heads, config.vision.tokens_per_image(),
                                config.head_size(), memory_dtype(options));
  return static_cast<int64_t>(block.bytes() * config.hyper_layers.size());
}

ImageEncoder::ImageEncoder(const EncodingModel& model, MemoryStore& store, MemoryStore::Room& room,
                           int64_t image_bytes, Progress progress)
    : model_(model),
      store_(store),
      room_(room),
      image_bytes_(image_bytes),
      progress_(std::move(progress)),
      batch_(model) {}

void ImageEncoder::add(const KeyedImage& image) {
  memories_.emplace_back();
  place(memories_.size() - 1, image);
  // Others' are not waited for while there is something of our own to do, within bounds.
  constexpr size_t kMostAwaited = 32;
  while (awaited_.size() > kMostAwaited) await_first();
}

void ImageEncoder::place(size_t place, const KeyedImage& image) {
  MemoryStore::Found found =
      store_.find({model_.key, image.hash}, image_bytes_, room_, model_.layout);
  if (auto* const memory = std::get_if<ImageMemoryPtr>(&found)) {
    memories_[place] = std::move(*memory);
    ++counts_.reused;
    return report();
  }
  if (auto* const pending = std::get_if<MemoryStore::Pending>(&found)) {
    awaited_.push_back({place, std::move(*pending), image});
    return report();
  }
  batch_.add(image.image);
  claimed_.push_back({place, std::get<MemoryStore::Claim>(std::move(found))});
  if (batch_.is_full()) encode();
}

std::vector<ImageMemoryPtr> ImageEncoder::finish() {
  encode();
  while (!awaited_.empty()) await_first();
  return std::move(memories_);
}

void ImageEncoder::encode() {
  if (batch_.is_empty()) return;
  std::vector<ImageMemoryPtr> made = batch_.encode(counts_, [this] { report(); });
  std::vector<Claimed> claimed = std::exchange(claimed_, {});
  for (size_t i = 0; i < claimed.size(); ++i) {
    memories_[claimed[i].place] = claimed[i].claim.keep(std::move(made[i]));
  }
  report();
}

/// Waits for whoever encodes the image that has waited longest, or encodes it where he failed.
void ImageEncoder::await_first() {
  encode();  // he may wait for ours
  constexpr std::chrono::milliseconds kBetween{50};
  while (awaited_.front().pending.wait_for(kBetween) != std::future_status::ready) report();
  const Awaited first = std::move(awaited_.front());
  awaited_.pop_front();
  if (const ImageMemoryPtr& memory = first.pending.get()) {
    memories_[first.place] = memory;
    ++counts_.reused;
    return report();
  }
  place(first.place, first.image);
  encode();
}

}  // namespace owl3
