// The stream of batches that a training run reads.
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
#include "training_data/sample_encoder.h"
#include "training_data/sample_files.h"
#include "training_data/step_count.h"
#include "training_data/step_planner.h"
#include "training_data/stream_check.h"

namespace owl3 {

struct DataOptions {
  std::vector<DataSource> sources;
  OrderOptions order;
  SampleOptions sample;
  EncodeOptions encode;

  int64_t rows = 1;        // of a batch, per process
  int64_t accumulate = 1;  // batches of a process in a step
  int64_t rank = 0;        // of this process
  int64_t world = 1;       // processes

  int64_t tokens = 4096;  // most tokens of a row
  int64_t images = 0;     // most images of a row, tiles and frames counted; 0: no bound
  bool pack = true;       // several samples in a row, as many as fit
  TooLong too_long = TooLong::kSkip;
  /// Whether samples that can't be read are left out, each named with its batch, or end the stream.
  bool skip_broken = false;
  double max_broken = 1;  // of an epoch's samples in one step

  int workers = 2;  // threads that read ahead; 0: next() does the work
  size_t image_cache_bytes = size_t{256} << 20;
};

/// A pure function of its options, but for `workers` and `image_cache_bytes`, which change nothing.
/// With the same world * rows * accumulate, the samples of a step are the same however these are
/// split.
class DataStream {
 public:
  /// Passes once over each source. The tokenizer must outlive the stream. Throws InputError and
  /// UsageError.
  DataStream(const Tokenizer& tokenizer, DataOptions options);
  ~DataStream();
  DataStream(const DataStream&) = delete;
  DataStream& operator=(const DataStream&) = delete;

  /// This rank's next batch; nothing after the last epoch. Every rank gets as many batches; those
  /// that end the last epoch, or whose samples are broken, may have rows that are all padding.
  /// Throws InputError that names the line for what is wrong in the data.
  std::optional<Batch> next();
  /// Of the last batch.
  const LeftOutSamples& left_out() const { return left_out_; }

  /// Where the stream stands after the last batch of next(), the same on every rank at a step's
  /// end. A stream that restores it goes on exactly from there, also with other rows, accumulate
  /// and world of the same product.
  nlohmann::json state() const;
  /// Throws InputError, beginning with `name`, when the state is broken or of other data or
  /// options.
  void restore(const nlohmann::json& state, const std::string& name);

  /// Goes back to the beginning, and lets go of what memory it can: until the next next(), nothing
  /// is read ahead or kept.
  void rewind();

  /// Reads and decodes samples as next() would, in their order and each by itself.
  StreamCheckReport check(const StreamCheckOptions& options) const;
  /// How many steps the samples make, from the first one on. Texts are tokenised and the sizes of
  /// media read, as next() would, but nothing is decoded. Throws InputError as next() does.
  StepCount count_steps(const StepCountOptions& options) const;

  int64_t samples_per_epoch() const;
  /// Samples placed or skipped so far, over the length of an epoch.
  double epochs_read() const;
  /// Whether next() has given its last batch.
  bool ended() const;
  /// Samples skipped so far because a row has no room for them.
  int64_t skipped() const;
  /// A line about them for the user; empty when there are none.
  std::string skip_warning() const;
  /// A line about media that something was not right with; empty when there are none.
  std::string media_warning() const;

 private:
  class Pipeline;
  struct State {
    PlanState plan;     // at the beginning of the step
    int64_t batch = 0;  // how many of the step's batches have been handed out
  };
  struct Parts;

  nlohmann::json description() const;

  std::unique_ptr<const Parts> parts_;
  State state_;
  LeftOutSamples left_out_;
  std::unique_ptr<Pipeline> pipeline_;  // begun by the first next()
};

}  // namespace owl3
