#include "training_data/step_planner.h"

#include <limits>
#include <utility>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr size_t kCarriedBesideRows = 8;

int64_t tokens_of(const EncodedSample& sample) {
  return static_cast<int64_t>(sample.ids.size());
}
int64_t images_of(const EncodedSample& sample) {
  return static_cast<int64_t>(sample.image_positions.size());
}

}  // namespace

StepPlanner::StepPlanner(const StepOptions& options, Source source, const PlanState& state)
    : options_(options), source_(std::move(source)), state_(state) {
  if (options.rows < 1 || options.tokens < 2 || options.images < 0) {
    throw UsageError(fmt::format("{} rows of {} tokens and {} images can't be", options.rows,
                                 options.tokens, options.images));
  }
  const int64_t no_bound = std::numeric_limits<int64_t>::max();
  whole_ = {options.tokens, options.images == 0 ? no_bound : options.images};
  for (const int64_t number : state.carried) carried_.push_back(source_.encode(number));
}

std::optional<StepPlan> StepPlanner::plan() {
  StepPlan plan;
  plan.rows.resize(static_cast<size_t>(options_.rows));
  rooms_.assign(plan.rows.size(), whole_);
  const size_t most_carried = options_.pack ? plan.rows.size() + kCarriedBesideRows : 0;
  for (EncodedSample& sample : std::exchange(carried_, {})) {
    if (!sample.broken.empty()) {  // a resumed run's, whose file was whole before
      leave_out(sample);
      continue;
    }
    if (!place(sample, plan)) carried_.push_back(std::move(sample));
  }
  for (;;) {
    if (!pending_) pending_ = next_that_fits();
    if (!pending_) break;
    if (!place(*pending_, plan)) {
      if (carried_.size() >= most_carried) break;
      carried_.push_back(std::move(*pending_));
    }
    pending_.reset();
  }
  if (plan.rows[0].empty()) return std::nullopt;
  plan.broken = std::exchange(broken_, {});
  return plan;
}

PlanState StepPlanner::state() const {
  PlanState state = state_;
  if (pending_) state.next = pending_->number;
  state.carried.clear();
  for (const EncodedSample& sample : carried_) state.carried.push_back(sample.number);
  return state;
}

bool StepPlanner::fits(const EncodedSample& sample, const Room& room) const {
  return tokens_of(sample) <= room.tokens && images_of(sample) <= room.images;
}

bool StepPlanner::place(EncodedSample& sample, StepPlan& plan) {
  for (size_t row = 0; row < plan.rows.size(); ++row) {
    const bool open = options_.pack || plan.rows[row].empty();
    if (!open || !fits(sample, rooms_[row])) continue;
    rooms_[row].tokens -= tokens_of(sample);
    rooms_[row].images -= images_of(sample);
    plan.label_tokens += sample.label_tokens;
    plan.rows[row].push_back(std::move(sample));
    return true;
  }
  return false;
}

std::optional<EncodedSample> StepPlanner::next_that_fits() {
  while (std::optional<EncodedSample> sample = source_.next()) {
    state_.next = sample->number + 1;
    if (!sample->broken.empty()) {
      leave_out(*sample);
      continue;
    }
    if (fits(*sample, whole_)) {
      skipped_in_a_row_ = 0;
      return sample;
    }
    skip(*sample);
  }
  return std::nullopt;
}

void StepPlanner::leave_out(const EncodedSample& sample) {
  broken_.push_back(sample.broken);
  if (static_cast<int64_t>(broken_.size()) > options_.most_broken) {
    throw InputError(fmt::format("{}; {} samples of {} are broken, more than max_broken allows",
                                 sample.broken, broken_.size(), source_.samples_per_epoch));
  }
  if (++skipped_in_a_row_ >= source_.samples_per_epoch) {
    throw InputError(
        fmt::format("{}; none of {} samples can be used", sample.broken, skipped_in_a_row_));
  }
}

void StepPlanner::skip(const EncodedSample& sample) {
  const std::string room = options_.images == 0 ? fmt::format("{} tokens", options_.tokens)
                                                : fmt::format("{} tokens and {} images",
                                                              options_.tokens, options_.images);
  if (options_.too_long == TooLong::kRefuse) {
    throw InputError(fmt::format("{}: {} tokens and {} images; a row has room for {}",
                                 source_.where(sample.number), tokens_of(sample), images_of(sample),
                                 room));
  }
  if (state_.skipped++ == 0) state_.first_skipped = sample.number;
  if (++skipped_in_a_row_ >= source_.samples_per_epoch) {
    throw InputError(fmt::format("{}: none of {} samples fits in a row of {}",
                                 source_.where(sample.number), skipped_in_a_row_, room));
  }
}

}  // namespace owl3
