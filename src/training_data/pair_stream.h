// The stream of images and captions that a vision encoder is pre-trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "training_data/batch.h"
#include "training_data/left_out.h"
#include "training_data/sample_files.h"
#include "training_data/stream_check.h"

namespace owl3 {

struct PairOptions {
  std::vector<DataSource> sources;
  OrderOptions order;
  int image_size = 384;      // S; images are never cut
  int64_t pairs = 64;        // of a batch, per process
  int64_t text_tokens = 64;  // longest text; longer captions lose their end
  int64_t rank = 0;
  int64_t world = 1;
  /// Whether pairs that can't be read are left out, each named with its batch, which is shorter
  /// then, or end the stream.
  bool skip_broken = false;
  int workers = 2;  // threads that read ahead; 0: next() does the work
  size_t image_cache_bytes = size_t{256} << 20;
};

/// Rows have one image and one answer, which is the caption; what the user says is ignored. With
/// the same world * pairs, the samples of a step are the same however it is split. Pairs that don't
/// fill the last epoch's last step are left out.
class PairStream {
 public:
  /// The tokenizer must outlive the stream. Throws InputError and UsageError.
  PairStream(const Tokenizer& tokenizer, PairOptions options);
  ~PairStream();
  PairStream(const PairStream&) = delete;
  PairStream& operator=(const PairStream&) = delete;

  /// This rank's next batch; nothing after the last epoch. Throws InputError that names the line.
  std::optional<PairBatch> next();
  /// Of the last batch.
  const LeftOutSamples& left_out() const { return left_out_; }

  /// As DataStream's.
  nlohmann::json state() const;
  void restore(const nlohmann::json& state, const std::string& name);

  void rewind();
  StreamCheckReport check(const StreamCheckOptions& options) const;

  int64_t samples_per_epoch() const;
  double epochs_read() const;
  /// Batches that next() will still give; nothing when there is no end.
  std::optional<int64_t> batches_left() const;
  /// As DataStream's.
  std::string media_warning() const;

 private:
  struct Parts;
  class Pipeline;

  nlohmann::json description() const;

  std::unique_ptr<const Parts> parts_;
  int64_t next_ = 0;  // the number of the first sample of the next step
  LeftOutSamples left_out_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace owl3
