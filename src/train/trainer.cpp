#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;

/// So many steps without an update one after the other, and the run is over.
constexpr int64_t kMostSkippedInARow = 5;

}  // namespace

uint64_t seed_of(uint64_t run_seed, int64_t step, int64_t batch) {
  // splitmix64 over the three numbers
  uint64_t x = run_seed;
  for (const auto number : {static_cast<uint64_t>(step), static_cast<uint64_t>(batch)}) {
    x += 0x9E3779B97F4A7C15ULL * (number + 1);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    x ^= x >> 31;
  }
  return x;
}

/// What a run writes and shows. The first process's; the others have none but the folder's name.
class Trainer::Output {
 public:
  Output(const Recipe& recipe, bool first, const TrainerOptions& options)
      : path_(fs::absolute(recipe.output)), progress_(stderr, options.columns) {
    if (first) folder_ = std::make_unique<RunFolder>(path_, options.resume);
  }

  const fs::path& path() const { return path_; }
  RunFolder* folder() { return folder_.get(); }

  /// Metrics are written from `step` on.
  void begin(int64_t step, const nlohmann::ordered_json& recipe) {
    if (folder_ == nullptr) return;
    AtomicFile file(folder_->recipe_path());
    file.write(to_yaml(recipe));
    file.commit();
    metrics_ = std::make_unique<MetricsFile>(folder_->metrics_path(), step);
    events_ = std::make_unique<EventFile>(folder_->path(), step);
    interval_begin_ = Clock::now();
  }

  void write(int64_t step, const std::vector<Scalar>& scalars) {
    if (folder_ == nullptr) return;
    metrics_->write({step, scalars});
    events_->write(step, scalars);
  }

  void say(const std::string& text) {
    if (folder_ != nullptr) progress_.say(text);
  }

  void show(const TrainingState& state, bool logged) {
    if (folder_ != nullptr) progress_.update(state, logged);
  }

  /// Work of the current interval between two lines of metrics.
  void count(double tokens, double images) {
    tokens_ += tokens;
    images_ += images;
    ++steps_;
  }
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - interval_begin_).count();
  }
  double tokens_per_second() const { return tokens_ / std::max(1e-9, seconds()); }
  double images_per_second() const { return images_ / std::max(1e-9, seconds()); }
  /// Of the last whole interval, or of this one while it is the first.
  double seconds_per_step() const {
    const auto now = seconds() / static_cast<double>(std::max<int64_t>(1, steps_));
    return before_ > 0 ? before_ : now;
  }
  void end_interval() {
    before_ = seconds() / static_cast<double>(std::max<int64_t>(1, steps_));
    begin_interval();
  }
  /// After work that is no training, which the rates don't count.
  void begin_interval() {
    interval_begin_ = Clock::now();
    tokens_ = images_ = 0;
    steps_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  fs::path path_;
  std::unique_ptr<RunFolder> folder_;
  std::unique_ptr<MetricsFile> metrics_;
  std::unique_ptr<EventFile> events_;
  TrainingProgress progress_;
  Clock::time_point interval_begin_ = Clock::now();
  double tokens_ = 0;
  double images_ = 0;
  int64_t steps_ = 0;
  double before_ = 0;
};

Trainer::Trainer(const Recipe& recipe, TrainingTask& task, Processes& processes,
                 const TrainerOptions& options)
    : recipe_(recipe),
      task_(&task),
      processes_(&processes),
      options_(options),
      schedule_(recipe.learning_rate, recipe.steps),
      parameters_(task.parameters(), recipe.optimizer.no_decay_on_vectors, processes.world()),
      optimizer_(parameters_, processes, recipe.optimizer),
      output_(std::make_unique<Output>(recipe, processes.is_first(), options)) {
  processes_->barrier();  // the folder is there, and what a killed process left is gone
  const nlohmann::ordered_json now = to_json(recipe_);
  const auto last = options.resume ? last_checkpoint_step(output_->path()) : std::nullopt;
  if (last) {
    const fs::path checkpoint = output_->path() / fmt::format("checkpoint-{}", *last);
    state_ = load_run(checkpoint, parameters_, optimizer_, *processes_);
    check_same_recipe(state_.recipe, now, recipe_.name);
    task_->restore_data(state_.data, checkpoint.string());
    saved_step_ = state_.step;
    output_->say(fmt::format("going on from {}", checkpoint.string()));
  }
  state_.recipe = now;
  output_->begin(state_.step, now);
}

Trainer::~Trainer() = default;

double Trainer::progress() const {
  if (recipe_.steps > 0)
    return static_cast<double>(state_.step) / static_cast<double>(recipe_.steps);
  return task_->epochs_read() / static_cast<double>(recipe_.epochs);
}

bool Trainer::finished() const {
  return recipe_.steps > 0 && state_.step >= recipe_.steps;  // epochs end with the data
}

int64_t Trainer::expected_steps() const {
  if (recipe_.steps > 0) return recipe_.steps;
  const double done = std::max(progress(), 1e-9);
  return std::max(state_.step,
                  static_cast<int64_t>(std::llround(static_cast<double>(state_.step) / done)));
}

double Trainer::learning_rate() const {
  return recipe_.steps > 0 ? schedule_.at(state_.step)
                           : schedule_.at_progress(state_.step, progress());
}

Trainer::StepResult Trainer::summed(const StepSums& sums) {
  torch::Tensor all =
      torch::tensor({sums.loss, static_cast<double>(sums.tokens), static_cast<double>(sums.images),
                     options_.interrupted() ? 1.0 : 0.0},
                    torch::dtype(torch::kFloat64).device(parameters_.values().device()));
  processes_->sum(all);
  all = all.cpu();
  const auto* values = all.data_ptr<double>();
  return {values[0], values[1], values[2], 0, 0, values[3] > 0};
}

void Trainer::update(StepResult& result) {
  processes_->sum(parameters_.gradients());
  result.gradient_norm = clip_gradients(parameters_, recipe_.clip_norm);
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) {
    optimizer_.step(result.learning_rate);
    skipped_in_a_row_ = 0;
    return;
  }
  ++state_.skipped_steps;
  output_->say(
      fmt::format("step {}: loss {} and gradient norm {} are no numbers to go by; the step "
                  "changes nothing",
                  state_.step + 1, result.loss, result.gradient_norm));
  if (++skipped_in_a_row_ < kMostSkippedInARow) return;
  throw Error(
      fmt::format("training has failed: {} steps in a row up to step {} gave no finite "
                  "loss; a lower learning_rate.max or clip_norm, or precision: float32 may "
                  "help, and --resume goes on from the last checkpoint",
                  kMostSkippedInARow, state_.step + 1));
}

std::optional<Trainer::StepResult> Trainer::step() {
  const double rate = learning_rate();  // before the step's data are read
  parameters_.zero_gradients();
  const std::optional<StepSums> sums = task_->run_step(state_.step);
  if (!sums) return std::nullopt;
  StepResult result = summed(*sums);
  result.learning_rate = rate;
  update(result);
  ++state_.step;
  return result;
}

void Trainer::log(const StepResult& result) {
  state_.logged_loss += result.loss;
  ++state_.logged_steps;
  output_->count(result.tokens, result.images);
  const bool due_now = due(recipe_.log_every) || finished();
  TrainingState shown;
  shown.step = state_.step;
  shown.steps = expected_steps();
  shown.loss = state_.logged_loss / static_cast<double>(state_.logged_steps);
  shown.learning_rate = result.learning_rate;
  shown.tokens_per_second = output_->tokens_per_second();
  shown.images_per_second = output_->images_per_second();
  shown.seconds_left =
      output_->seconds_per_step() * static_cast<double>(expected_steps() - state_.step);
  output_->show(shown, due_now);
  if (!due_now) return;
  output_->write(state_.step, {{"loss", shown.loss},
                               {"learning_rate", result.learning_rate},
                               {"gradient_norm", result.gradient_norm},
                               {"epoch", task_->epochs_read()},
                               {"tokens_per_second", shown.tokens_per_second},
                               {"images_per_second", shown.images_per_second},
                               {"skipped_steps", static_cast<double>(state_.skipped_steps)}});
  state_.logged_loss = 0;
  state_.logged_steps = 0;
  output_->end_interval();
}

void Trainer::validate_if_due(bool at_end) {
  if (validated_step_ == state_.step || (!at_end && !due(recipe_.validation.every))) return;
  const std::vector<Scalar> metrics = task_->validate(*processes_);
  validated_step_ = state_.step;
  if (metrics.empty()) return;
  output_->write(state_.step, metrics);
  std::string line = fmt::format("step {}", state_.step);
  for (const auto& [name, value] : metrics) line += fmt::format("  {} {:.4f}", name, value);
  output_->say(line);
  output_->begin_interval();
}

void Trainer::save() {
  if (saved_step_ == state_.step) return;
  RunFolder* folder = output_->folder();
  std::optional<PendingFolder> pending;
  if (folder != nullptr) pending.emplace(folder->begin_checkpoint(state_.step));
  processes_->barrier();  // the folder is there
  const fs::path checkpoint =
      unfinished_path(output_->path() / fmt::format("checkpoint-{}", state_.step));
  save_shard(checkpoint, parameters_, optimizer_, *processes_);
  if (folder != nullptr) {
    state_.data = task_->data_state();
    save_state(checkpoint, state_, parameters_, optimizer_, *processes_);
    task_->save(checkpoint);
  }
  processes_->barrier();  // all shards are there
  if (folder != nullptr) folder->finish_checkpoint(*pending, state_.step, recipe_.keep);
  saved_step_ = state_.step;
  output_->begin_interval();
}

void Trainer::save_model() {
  RunFolder* folder = output_->folder();
  if (folder == nullptr) return;
  PendingFolder pending(folder->model_path());
  task_->save_final(pending.temporary());
  pending.commit();
  output_->say(fmt::format("{} is ready", folder->model_path().string()));
}

void Trainer::run() {
  while (!finished()) {
    const std::optional<StepResult> result = step();
    if (!result) break;  // the last epoch has ended
    log(*result);
    validate_if_due(false);
    if (due(recipe_.save_every) || result->interrupted) save();
    if (result->interrupted && !finished()) {
      throw Interrupted(fmt::format("step {} is saved; --resume goes on from there", state_.step));
    }
  }
  validate_if_due(true);
  save();
  save_model();
  if (const std::string warning = task_->data_warning(); !warning.empty()) output_->say(warning);
}

}  // namespace owl3::train
