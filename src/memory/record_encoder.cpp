#include "memory/record_encoder.h"

#include <utility>

namespace owl3 {

void RecordEncoder::add(const KeyedImage& image) {
  if (writer_.find(image.hash) || is_waiting_.contains(image.hash)) {
    ++counts_.reused;
    return;
  }
  batch_.add(image.image);
  waiting_.push_back(image.hash);
  is_waiting_.insert(image.hash);
  if (batch_.is_full()) encode();
}

void RecordEncoder::encode() {
  if (batch_.is_empty()) return;
  const std::vector<ImageMemoryPtr> made = batch_.encode(counts_, report_);
  const std::vector<ContentHash> encoded = std::exchange(waiting_, {});
  is_waiting_.clear();
  for (size_t i = 0; i < encoded.size(); ++i) writer_.add(encoded[i], layout_.write(*made[i]));
}

}  // namespace owl3
