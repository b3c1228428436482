// From images as the model sees them to records of a memory file, in batches; what is there already
// is not encoded.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "memory/image_encoder.h"
#include "memory/memory_writer.h"

namespace owl3 {

class RecordEncoder {
 public:
  /// `report` is called while the model computes; throws where that is the end.
  RecordEncoder(const EncodingModel& model, const RecordLayout& layout, MemoryWriter& writer,
                std::function<void()> report)
      : batch_(model), layout_(layout), writer_(writer), report_(std::move(report)) {}

  void add(const KeyedImage& image);
  /// Encodes what has been added and waits. Throws InputError where it can't be written.
  void encode();
  const EncodingCounts& counts() const { return counts_; }

 private:
  EncodingBatch batch_;  // of those that wait
  const RecordLayout& layout_;
  MemoryWriter& writer_;
  std::function<void()> report_;
  std::vector<ContentHash> waiting_;
  std::set<ContentHash> is_waiting_;
  EncodingCounts counts_;
};

}  // namespace owl3
