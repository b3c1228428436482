#include "memory/record_encoder.h"

#include <atomic>
#include <chrono>

#include "memory/picture_stream.h"

namespace owl3 {

void RecordEncoder::add(const KeyedImage& image) {
  if (writer_.find(image.hash) || is_waiting_.contains(image.hash)) {
    ++counts_.reused;
    return;
  }
  const auto size = static_cast<size_t>(image.image.width);
  const size_t first = pixels_.size();
  pixels_.resize(first + 3 * size * size);
  normalize_pixels(image.image, pixels_.data() + first);
  waiting_.push_back(image.hash);
  is_waiting_.insert(image.hash);
  if (static_cast<int64_t>(waiting_.size()) >= model_.model.images_per_batch()) encode();
}

void RecordEncoder::encode() {
  if (waiting_.empty()) return;
  const auto count = static_cast<int64_t>(waiting_.size());
  const int64_t size = model_.model.config().vision.image_size;
  const Tensor pixel_values(DType::kF32, {count, 3, size, size}, pixels_.data(), nullptr);
  std::vector<ImageMemoryPtr> made;
  std::atomic<bool> wanted = true;
  const auto encode_all = [&] {
    const auto start = std::chrono::steady_clock::now();
    made = model_.model.remember_images(pixel_values, [&] { return wanted.load(); });
    counts_.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  model_.compute(encode_all, [&] {
    try {
      report_();
    } catch (...) {
      wanted = false;
      throw;
    }
  });
  for (size_t i = 0; i < waiting_.size(); ++i) writer_.add(waiting_[i], layout_.write(*made[i]));
  waiting_.clear();
  is_waiting_.clear();
  pixels_.clear();
  counts_.encoded += count;
}

}  // namespace owl3
