#include "training_data/data_stream.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/ordered_workers.h"
#include "media/image.h"
#include "training_data/batch_builder.h"
#include "training_data/image_store.h"
#include "training_data/media_reader.h"
#include "training_data/stream_state.h"

namespace owl3 {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // of anything counted
constexpr size_t kSamplesAhead = 64;

DataOptions checked(DataOptions options) {
  const bool possible = options.rows >= 1 && options.accumulate >= 1 && options.world >= 1 &&
                        options.rows <= kMost && options.accumulate <= kMost / options.rows &&
                        options.world <= kMost / options.rows / options.accumulate;
  if (!possible || options.rank < 0 || options.rank >= options.world) {
    throw UsageError(
        fmt::format("{} rows, {} accumulated batches, rank {} of {} processes can't be",
                    options.rows, options.accumulate, options.rank, options.world));
  }
  if (options.workers < 0) throw UsageError("the number of workers can't be negative");
  return options;
}

StepOptions step_options(const DataOptions& options, int64_t samples_per_epoch) {
  // Of few samples, one may be broken.
  const double most_broken =
      std::max(1.0, options.max_broken * static_cast<double>(samples_per_epoch));
  return {options.rows * options.accumulate * options.world,
          options.tokens,
          options.images,
          options.pack,
          options.too_long,
          static_cast<int64_t>(most_broken)};
}

/// Samples placed or skipped.
int64_t read_so_far(const PlanState& state) {
  return state.next - static_cast<int64_t>(state.carried.size());
}

}  // namespace

/// What reads and encodes samples; shared by the threads of the pipeline.
struct DataStream::Parts {
  Parts(const Tokenizer& tokenizer, DataOptions given)
      : options(checked(std::move(given))),
        files(options.sources, options.order, options.sample),
        encoder(tokenizer, reader, options.encode),
        store(reader, options.encode, options.image_cache_bytes),
        builder(files, encoder, store) {}

  EncodedSample encode(int64_t number) const { return encode(number, files.read(number)); }

  EncodedSample encode(int64_t number, const Sample& sample) const {
    try {
      EncodedSample encoded = encoder.encode(sample);
      encoded.number = number;
      return encoded;
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", files.where(number), error.what()));
    }
  }

  /// As encode(); what can't be read is told in the sample, where such are left out.
  EncodedSample encode_or_leave(int64_t number) const {
    if (!options.skip_broken) return encode(number);
    try {
      return encode(number);
    } catch (const InputError& error) {
      EncodedSample sample;
      sample.number = number;
      sample.broken = error.what();
      return sample;
    }
  }

  void look_at_headers(int64_t number, const Sample& row) const {
    for (const SampleMedium& medium : row.media) {
      if (medium.is_video) continue;  // encode() counted its frames
      try {
        const MediaBytes media = reader.read(medium.reference);
        image_size(media.bytes, media.name);
      } catch (const InputError& error) {
        throw InputError(
            fmt::format("{}: {}: {}", files.where(number), medium.place, error.what()));
      }
    }
  }

  RowCheck check(int64_t number, bool decode) const {
    try {
      const Sample row = files.read(number);
      const EncodedSample sample = encode(number, row);
      if (decode) {
        builder.check(sample);
      } else {
        look_at_headers(number, row);
      }
      const auto images = static_cast<int64_t>(sample.image_positions.size());
      return {"",
              static_cast<int64_t>(sample.ids.size()) > options.tokens ||
                  (options.images > 0 && images > options.images),
              row.media_lines()};
    } catch (const InputError& error) {
      return {error.what(), false, MediaLines::kNone};
    }
  }

  DataOptions options;
  SampleFiles files;
  mutable MediaReader reader;
  SampleEncoder encoder;
  mutable ImageStore store;
  BatchBuilder builder;
};

/// Samples are encoded in order by some threads, placed in rows one after the other, and batches
/// with this rank's rows decoded by other threads.
class DataStream::Pipeline {
 public:
  struct Result {
    Batch batch;
    LeftOutSamples left_out;
    State after;
  };

  Pipeline(const Parts& parts, const State& state)
      : parts_(parts),
        options_(parts.options),
        next_sample_(state.plan.next),
        samples_(
            options_.workers, kSamplesAhead, [this] { return take_sample(); },
            [this](int64_t number) { return parts_.encode_or_leave(number); }),
        planner_(step_options(options_, parts.files.samples_per_epoch()), source(), state.plan),
        step_begin_(state.plan),
        batches_taken_(state.batch),
        batches_(
            options_.workers, static_cast<size_t>(options_.workers) + 1,
            [this] { return take_batch(); }, [this](Work work) { return build(work); }) {}

  std::optional<Result> next() { return batches_.next(); }

 private:
  struct Work {
    std::vector<PlannedRow> rows;
    std::vector<std::string> broken;  // of the plan, for the first batch of all
    int64_t step_label_tokens = 0;
    State after;
  };

  StepPlanner::Source source() {
    return {[this] { return samples_.next(); },
            [this](int64_t number) { return parts_.encode_or_leave(number); },
            [this](int64_t number) { return parts_.files.where(number); },
            parts_.files.samples_per_epoch()};
  }

  std::optional<int64_t> take_sample() {
    const std::optional<int64_t> size = parts_.files.size();
    if (size && next_sample_ >= *size) return std::nullopt;
    return next_sample_++;
  }

  std::optional<Work> take_batch() {
    if (!plan_) plan_ = planner_.plan();
    if (!plan_) return std::nullopt;
    Work work;
    work.step_label_tokens = plan_->label_tokens;
    // Row b of rank r in batch k is row (k * world + r) * rows + b of the step.
    const auto first =
        plan_->rows.begin() + (batches_taken_ * options_.world + options_.rank) * options_.rows;
    work.rows.assign(std::move_iterator(first), std::move_iterator(first + options_.rows));
    if (batches_taken_ == 0 && options_.rank == 0) work.broken = std::move(plan_->broken);
    if (++batches_taken_ == options_.accumulate) {
      plan_.reset();
      step_begin_ = planner_.state();
      batches_taken_ = 0;
    }
    work.after = {step_begin_, batches_taken_};
    return work;
  }

  Result build(const Work& work) const {
    BatchBuilder::Built built = parts_.builder.build(work.rows, options_.skip_broken);
    built.batch.step_label_tokens = work.step_label_tokens;
    std::vector<std::string>& samples = built.left_out.samples;
    samples.insert(samples.begin(), work.broken.begin(), work.broken.end());
    return {std::move(built.batch), std::move(built.left_out), work.after};
  }

  const Parts& parts_;
  const DataOptions& options_;
  int64_t next_sample_;
  OrderedWorkers<int64_t, EncodedSample> samples_;
  StepPlanner planner_;
  std::optional<StepPlan> plan_;
  PlanState step_begin_;
  int64_t batches_taken_;
  OrderedWorkers<Work, Result> batches_;  // last: its threads use all of the above
};

DataStream::DataStream(const Tokenizer& tokenizer, DataOptions options)
    : parts_(std::make_unique<const Parts>(tokenizer, std::move(options))) {}

DataStream::~DataStream() = default;

std::optional<Batch> DataStream::next() {
  if (!pipeline_) pipeline_ = std::make_unique<Pipeline>(*parts_, state_);
  std::optional<Pipeline::Result> result = pipeline_->next();
  if (!result) return std::nullopt;
  state_ = std::move(result->after);
  left_out_ = std::move(result->left_out);
  return std::move(result->batch);
}

nlohmann::json DataStream::description() const {
  const DataOptions& options = parts_->options;
  nlohmann::json description = parts_->files.description();
  description["rows_per_step"] = options.rows * options.accumulate * options.world;
  description["tokens"] = options.tokens;
  description["images"] = options.images;
  description["pack"] = options.pack;
  return description;
}

nlohmann::json DataStream::state() const {
  return {{"data", description()},
          {"next", state_.plan.next},
          {"carried", state_.plan.carried},
          {"skipped", state_.plan.skipped},
          {"first_skipped", state_.plan.first_skipped},
          {"batch", state_.batch},
          {"batches_per_step", parts_->options.accumulate}};
}

void DataStream::restore(const nlohmann::json& state, const std::string& name) {
  const JsonReader reader = open_stream_state(state, description(), name);
  State restored;
  restored.plan.next = reader.integer("next", 0, kMost);
  restored.plan.carried =
      reader.optional_integers("carried", 0, kMost).value_or(std::vector<int64_t>{});
  restored.plan.skipped = reader.integer("skipped", 0, kMost);
  restored.plan.first_skipped = reader.integer("first_skipped", -1, kMost);
  restored.batch = reader.integer("batch", 0, kMost);
  if (restored.batch != 0 &&
      (reader.integer("batches_per_step", 1, kMost) != parts_->options.accumulate ||
       restored.batch >= parts_->options.accumulate)) {
    reader.fail("batch", "is inside a step of other batches");
  }
  pipeline_.reset();
  state_ = std::move(restored);
}

void DataStream::rewind() {
  pipeline_.reset();
  state_ = {};
  parts_->store.clear();
}

StreamCheckReport DataStream::check(const StreamCheckOptions& options) const {
  const int64_t rows = parts_->files.size().value_or(samples_per_epoch());
  const auto report = check_rows(rows, parts_->options.workers, options, [&](int64_t number) {
    return parts_->check(number, options.decode);
  });
  parts_->store.clear();
  return report;
}

StepCount DataStream::count_steps(const StepCountOptions& options) const {
  const std::optional<int64_t> size = parts_->files.size();
  int64_t next = 0;
  bool cut_short = false;
  const auto take = [&]() -> std::optional<int64_t> {
    if (size && next >= *size) return std::nullopt;
    cut_short = cut_short || next >= options.most_samples || !options.go_on();
    return cut_short ? std::nullopt : std::optional(next++);
  };
  const auto encode = [this](int64_t number) { return parts_->encode_or_leave(number); };
  OrderedWorkers<int64_t, EncodedSample> samples(parts_->options.workers, kSamplesAhead, take,
                                                 encode);
  bool drained = false;
  StepPlanner::Source source = {
      [&] {
        std::optional<EncodedSample> sample = samples.next();
        drained = !sample;
        return sample;
      },
      encode, [this](int64_t number) { return parts_->files.where(number); }, samples_per_epoch()};
  StepPlanner planner(step_options(parts_->options, samples_per_epoch()), std::move(source), {});
  StepCount count;
  while (options.most_steps == 0 || count.steps < options.most_steps) {
    if (!planner.plan()) {
      count.whole = !cut_short;
      return count;
    }
    if (drained && cut_short && count.steps > 0) return count;  // the last step is no whole one
    ++count.steps;
    count.samples = read_so_far(planner.state());
  }
  count.whole = true;
  return count;
}

int64_t DataStream::samples_per_epoch() const {
  return parts_->files.samples_per_epoch();
}

double DataStream::epochs_read() const {
  return static_cast<double>(read_so_far(state_.plan)) / static_cast<double>(samples_per_epoch());
}

bool DataStream::ended() const {
  return state_.batch == 0 && parts_->files.size() == read_so_far(state_.plan);
}

int64_t DataStream::skipped() const {
  return state_.plan.skipped;
}

std::string DataStream::media_warning() const {
  return parts_->store.warning();
}

std::string DataStream::skip_warning() const {
  const PlanState& plan = state_.plan;
  if (plan.skipped == 0) return "";
  const DataOptions& options = parts_->options;
  return fmt::format("{} of {} samples skipped, longer than {} tokens{}; the first is {}",
                     plan.skipped, plan.next, options.tokens,
                     options.images == 0 ? "" : fmt::format(" or {} images", options.images),
                     parts_->files.where(plan.first_skipped));
}

}  // namespace owl3
