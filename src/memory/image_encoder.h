// From images as the model sees them to its memories of them, in batches; none is encoded twice,
// whoever else encodes at the same time.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "media/content_hash.h"
#include "media/image.h"
#include "memory/encoding_batch.h"
#include "memory/memory_store.h"

namespace owl3 {

/// An image of S x S, and its hash.
struct KeyedImage {
  Image image;
  ContentHash hash;
};

/// The type that keys and values of images are kept in.
DType memory_dtype(const ModelOptions& options);

/// Bytes of the memory of one image, as the model keeps it.
int64_t bytes_per_image(Owl3Model& model, const ModelOptions& options);

class ImageEncoder {
 public:
  /// Told how many images are done; throws where that is the end.
  using Progress = std::function<void(int64_t done)>;

  /// What was encoded is kept in the store, whatever ends the work.
  ImageEncoder(const EncodingModel& model, MemoryStore& store, MemoryStore::Room& room,
               int64_t image_bytes, Progress progress);

  void report() const { progress_(done()); }
  /// The next image. Throws InputError where there is no room for it.
  void add(const KeyedImage& image);
  /// The memories of all images added, in order, held.
  std::vector<ImageMemoryPtr> finish();

  const EncodingCounts& counts() const { return counts_; }

 private:
  struct Claimed {
    size_t place = 0;  // in memories_
    MemoryStore::Claim claim;
  };
  /// One that somebody else encodes, kept for the case that he fails.
  struct Awaited {
    size_t place = 0;
    MemoryStore::Pending pending;
    KeyedImage image;
  };

  void place(size_t place, const KeyedImage& image);
  void encode();
  void await_first();
  int64_t done() const {
    return static_cast<int64_t>(memories_.size() - claimed_.size() - awaited_.size());
  }

  EncodingModel model_;
  MemoryStore& store_;
  MemoryStore::Room& room_;
  int64_t image_bytes_;
  Progress progress_;
  EncodingCounts counts_;
  std::vector<ImageMemoryPtr> memories_;
  std::vector<Claimed> claimed_;
  EncodingBatch batch_;  // of the claimed
  std::deque<Awaited> awaited_;
};

}  // namespace owl3
