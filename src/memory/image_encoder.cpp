#include "memory/image_encoder.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"

namespace owl3 {

ImageEncoder::ImageEncoder(Owl3Model& model, std::map<ContentHash, ImageMemoryPtr>& known,
                           EncodingCounts& counts, Progress progress)
    : model_(model), known_(known), counts_(counts), progress_(std::move(progress)) {}

void ImageEncoder::report() const {
  if (!progress_(done())) throw Interrupted("interrupted while encoding");
}

void ImageEncoder::add(const Image& image) {
  const ContentHash hash = content_hash(image);
  order_.push_back(hash);
  const bool pending = std::find(waiting_.begin(), waiting_.end(), hash) != waiting_.end();
  if (pending || known_.count(hash) != 0) {
    ++counts_.reused;
    return report();
  }
  const int64_t size = image.width;
  const size_t first = pixels_.size();
  pixels_.resize(first + static_cast<size_t>(3 * size * size));
  normalize_pixels(image, pixels_.data() + first);
  waiting_.push_back(hash);
  if (static_cast<int64_t>(waiting_.size()) >= model_.images_per_batch()) encode();
}

std::vector<ImageMemoryPtr> ImageEncoder::finish() {
  if (!waiting_.empty()) encode();
  std::vector<ImageMemoryPtr> memories;
  for (const ContentHash& hash : order_) memories.push_back(known_.at(hash));
  return memories;
}

void ImageEncoder::encode() {
  const auto start = std::chrono::steady_clock::now();
  const auto count = static_cast<int64_t>(waiting_.size());
  const int64_t size = model_.config().vision.image_size;
  const Tensor pixel_values(DType::kF32, {count, 3, size, size}, pixels_.data(), nullptr);
  const auto memories = model_.remember_images(pixel_values, [this] { return progress_(done()); });
  for (size_t i = 0; i < waiting_.size(); ++i) known_[waiting_[i]] = memories[i];
  waiting_.clear();
  pixels_.clear();
  counts_.encoded += count;
  counts_.seconds +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report();
}

}  // namespace owl3
