// From images as the model sees them to its memories of them, in batches; none is encoded twice.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "media/content_hash.h"
#include "media/image.h"
#include "model/owl3_model.h"

namespace owl3 {

struct EncodingCounts {
  int64_t encoded = 0;
  int64_t reused = 0;  // same pixels met again: nothing was computed
  double seconds = 0;  // in the model
};

class ImageEncoder {
 public:
  /// Told how many images are done; returns whether to go on.
  using Progress = std::function<bool(int64_t done)>;

  /// What is `known` is not encoded, and becomes more with every batch, whatever ends the work.
  ImageEncoder(Owl3Model& model, std::map<ContentHash, ImageMemoryPtr>& known,
               EncodingCounts& counts, Progress progress);

  /// Tells how many are done. Throws Interrupted where that is the end.
  void report() const;
  /// The next image, of S x S.
  void add(const Image& image);
  /// The memories of all images added, in order.
  std::vector<ImageMemoryPtr> finish();

 private:
  void encode();
  int64_t done() const { return static_cast<int64_t>(order_.size() - waiting_.size()); }

  Owl3Model& model_;
  std::map<ContentHash, ImageMemoryPtr>& known_;
  EncodingCounts& counts_;
  Progress progress_;
  std::vector<ContentHash> order_;
  std::vector<ContentHash> waiting_;
  std::vector<float> pixels_;  // [waiting, 3, S, S]
};

}  // namespace owl3
