// Planned rows, their images decoded, as a batch.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "training_data/batch.h"
#include "training_data/image_store.h"
#include "training_data/left_out.h"
#include "training_data/sample_files.h"
#include "training_data/step_planner.h"

namespace owl3 {

/// Safe to use from several threads.
class BatchBuilder {
 public:
  /// All of these must outlive the builder.
  BatchBuilder(const SampleFiles& files, const SampleEncoder& encoder, ImageStore& store)
      : files_(&files), encoder_(&encoder), store_(&store) {}

  struct Built {
    Batch batch;
    LeftOutSamples left_out;
  };
  /// Throws InputError that names the line and the medium; with `skip_broken`, samples with such
  /// media are left out. `step_label_tokens` is the caller's.
  Built build(std::span<const PlannedRow> rows, bool skip_broken) const;
  /// Decodes a sample's media, and throws what build() would.
  void check(const EncodedSample& sample) const;

 private:
  class Images;
  using Media = std::vector<std::shared_ptr<const HashedImages>>;

  Media decode_all(const EncodedSample& sample) const;
  std::shared_ptr<const HashedImages> decode(const EncodedSample& sample, size_t index) const;

  const SampleFiles* files_;
  const SampleEncoder* encoder_;
  ImageStore* store_;
};

}  // namespace owl3
