#include "memory/encoding_batch.h"

#include <atomic>
#include <chrono>

namespace owl3 {

void EncodingBatch::add(const Image& image) {
  const auto size = static_cast<size_t>(image.width);
  const size_t first = pixels_.size();
  pixels_.resize(first + 3 * size * size);
  normalize_pixels(image, pixels_.data() + first);
  ++count_;
}

std::vector<ImageMemoryPtr> EncodingBatch::encode(EncodingCounts& counts,
                                                  const std::function<void()>& report) {
  using Clock = std::chrono::steady_clock;
  const int64_t size = model_.model.config().vision.image_size;
  const Tensor pixel_values(DType::kF32, {count_, 3, size, size}, pixels_.data(), nullptr);
  std::vector<ImageMemoryPtr> made;
  std::atomic<bool> wanted = true;
  const auto encode_all = [&] {
    const auto start = Clock::now();
    made = model_.model.remember_images(pixel_values, [&] { return wanted.load(); });
    counts.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  };
  model_.compute(encode_all, [&] {
    try {
      report();
    } catch (...) {
      wanted = false;
      throw;
    }
  });
  counts.encoded += count_;
  pixels_.clear();
  count_ = 0;
  return made;
}

}  // namespace owl3
