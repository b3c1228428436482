// Planned rows, their images decoded, as a batch.
#pragma once

#include <memory>
#include <span>

#include "data/batch.h"
#include "data/image_store.h"
#include "data/sample_files.h"
#include "data/step_planner.h"

namespace owl3 {

/// Safe to use from several threads.
class BatchBuilder {
 public:
  /// All of these must outlive the builder.
  BatchBuilder(const SampleFiles& files, const SampleEncoder& encoder, ImageStore& store)
      : files_(&files), encoder_(&encoder), store_(&store) {}

  /// Throws InputError that names the line and the medium. `step_label_tokens` is the caller's.
  Batch build(std::span<const PlannedRow> rows) const;

 private:
  class Images;
  void add_images(const EncodedSample& sample, int64_t row, int32_t segment, int64_t first,
                  Images& images, Batch& batch) const;
  std::shared_ptr<const HashedImages> decode(const EncodedSample& sample, size_t index) const;

  const SampleFiles* files_;
  const SampleEncoder* encoder_;
  ImageStore* store_;
};

}  // namespace owl3
