// Samples placed in the rows of a training step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "training_data/sample_encoder.h"

namespace owl3 {

enum class TooLong { kSkip, kRefuse };

struct StepOptions {
  int64_t rows = 1;       // of the whole step: all ranks, all accumulated batches
  int64_t tokens = 4096;  // most tokens of a row
  int64_t images = 0;     // most images of a row, tiles and frames counted; 0: no bound
  bool pack = true;       // several samples in a row, as many as fit
  TooLong too_long = TooLong::kSkip;
  /// Of one plan; more broken samples end it. What lies beyond is not reached in a hopeless search.
  int64_t most_broken = 0;
};

using PlannedRow = std::vector<EncodedSample>;

struct StepPlan {
  std::vector<PlannedRow> rows;
  int64_t label_tokens = 0;
  std::vector<std::string> broken;  // an error line of each sample that was left out for that
};

/// Where in the sequence of samples the next step begins.
struct PlanState {
  int64_t next = 0;              // the number of the next sample to be looked at
  std::vector<int64_t> carried;  // looked at before, but not placed: they go first
  int64_t skipped = 0;           // samples too long for a row, so far
  int64_t first_skipped = -1;    // the number of the first of them
};

/// Places samples first-fit, in the order in which they come. One that fits in no row any more goes
/// first into the next step; when there are as many of these as a step has rows, and a few more,
/// the step is closed. So the plan depends on the order of samples and their lengths only.
class StepPlanner {
 public:
  struct Source {
    /// The next sample in order; nothing after the last.
    std::function<std::optional<EncodedSample>()> next;
    std::function<EncodedSample(int64_t number)> encode;
    std::function<std::string(int64_t number)> where;
    int64_t samples_per_epoch = 0;
  };
  /// `source.next` begins with sample `state.next`.
  StepPlanner(const StepOptions& options, Source source, const PlanState& state);

  /// Nothing when there are no samples left. Throws InputError for a sample too long where these
  /// are refused, when a whole epoch had no other or only broken ones, and for too many broken.
  std::optional<StepPlan> plan();
  /// After the last plan.
  PlanState state() const;

 private:
  struct Room {
    int64_t tokens = 0;
    int64_t images = 0;
  };

  bool fits(const EncodedSample& sample, const Room& room) const;
  bool place(EncodedSample& sample, StepPlan& plan);
  std::optional<EncodedSample> next_that_fits();
  void skip(const EncodedSample& sample);
  void leave_out(const EncodedSample& sample);

  StepOptions options_;
  Source source_;
  PlanState state_;
  Room whole_;
  std::vector<Room> rooms_;  // of the step in work
  std::vector<EncodedSample> carried_;
  std::optional<EncodedSample> pending_;  // taken from the source, the first of the next step
  int64_t skipped_in_a_row_ = 0;
  std::vector<std::string> broken_;  // since the last plan
};

}  // namespace owl3
