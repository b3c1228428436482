// Images that the model encodes together.
#pragma once

#include <functional>
#include <vector>

#include "core/sha.h"
#include "media/image.h"
#include "model/owl3_model.h"

namespace owl3 {

class RecordLayout;

/// Has work done by the thread that computes with a model, and waits for it: Scheduler::compute().
using Compute = std::function<void(const std::function<void()>& work,
                                   const std::function<void()>& while_waiting)>;

/// A model, and what those who encode with it have in common.
struct EncodingModel {
  Owl3Model& model;
  Sha256::Digest key;  // model_key()
  Compute compute;
  const RecordLayout* layout = nullptr;  // where memories of it may come from a folder
};

struct EncodingCounts {
  int64_t encoded = 0;
  int64_t reused = 0;  // same pixels met again: nothing was computed
  double seconds = 0;  // in the model
};

class EncodingBatch {
 public:
  explicit EncodingBatch(const EncodingModel& model) : model_(model) {}

  /// An image of S x S.
  void add(const Image& image);
  bool is_empty() const { return count_ == 0; }
  bool is_full() const { return count_ >= model_.model.images_per_batch(); }
  /// The memories of the images added, in order; then there are none. `report` is called while the
  /// model computes; what it throws ends that, and the images stay.
  std::vector<ImageMemoryPtr> encode(EncodingCounts& counts, const std::function<void()>& report);

 private:
  EncodingModel model_;
  std::vector<float> pixels_;  // [count, 3, S, S]
  int64_t count_ = 0;
};

}  // namespace owl3
