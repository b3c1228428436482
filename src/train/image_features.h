// The vision features of a batch's images: computed, or read from the cache while the encoder is
// frozen.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "runs/recipe.h"
#include "train/model.h"
#include "train/precision.h"
#include "training_data/batch.h"
#include "training_data/feature_cache.h"

namespace owl3::train {

struct ImageFeatureOptions {
  TrainPrecision precision = TrainPrecision::kFloat32;
  /// A frozen encoder's features are kept on disk; kAuto: where that can be, until half of the
  /// disk's free room is used.
  CacheFeatures cache = CacheFeatures::kOff;
  std::filesystem::path folder;  // where; empty: a folder of the encoder's own in
  std::filesystem::path parent;  // this one, so that runs with the same encoder share it
  int rank = 0;                  // of this process, for its file
  int local_world = 1;           // processes that share the disk
  /// Told before a batch's new images are encoded, and between: may throw, to end the work.
  std::function<void(int64_t done, int64_t total)> encoding = [](int64_t, int64_t) {};
};

class ImageFeatures {
 public:
  ImageFeatures(Owl3Module module, const ImageFeatureOptions& options);

  /// Features of the batch's images [U, L, Dv]; undefined when it has none. Gradients flow where
  /// the encoder is trained. Whether they come from the cache makes no difference.
  torch::Tensor of(const Batch& batch);
  /// Why no more features are kept, once; empty when all is well. A full disk costs time and not
  /// the run.
  std::string take_warning() { return std::exchange(warning_, {}); }

 private:
  void keep(uint64_t hash, std::span<const float> features);
  void open_cache();
  torch::Tensor encode(const std::vector<const Image*>& images);
  void read_or_encode(const Batch& batch, torch::Tensor& features);

  Owl3Module module_;
  ImageFeatureOptions options_;
  bool trained_;
  bool opened_ = false;  // or found that there is no cache, at the first image
  std::unique_ptr<FeatureCache> cache_;
  bool full_ = false;  // nothing more can be written
  std::string warning_;
  int64_t max_cache_bytes_ = 0;  // of this process's file; 0: no bound
};

/// What a frozen encoder's features depend on, for the cache.
Fingerprint vision_fingerprint(const Owl3ModuleImpl& module, TrainPrecision precision);

}  // namespace owl3::train
