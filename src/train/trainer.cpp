#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;

/// So many steps without an update one after the other, and the run is over.
constexpr int64_t kMostSkippedInARow = 5;

/// Whether metrics have that number of a step; not when nothing can be read.
bool has_scalar(const fs::path& metrics, int64_t step, const std::string& scalar) {
  if (!fs::is_regular_file(metrics)) return false;
  try {
    for (const MetricsLine& line : read_metrics(metrics)) {
      for (const auto& [name, value] : line.scalars) {
        if (line.step == step && name == scalar) return true;
      }
    }
  } catch (const InputError&) {
    return false;
  }
  return false;
}

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

Trainer::Trainer(const Recipe& recipe, TrainingTask& task, Processes& processes,
                 const TrainerOptions& options)
    : recipe_(recipe),
      task_(&task),
      processes_(&processes),
      options_(options),
      schedule_(recipe.learning_rate, recipe.steps),
      parameters_(task.parameters(), recipe.optimizer.no_decay_on_vectors, processes.world()),
      optimizer_(parameters_, processes, recipe.optimizer),
      output_(recipe.output, processes.is_first(), options.resume, options.columns) {
  task_->set_watch(
      {options_.interrupted, [this](int64_t done, int64_t total) { show_encoding(done, total); }});
  if (options.resume) go_on();
  state_.recipe = to_json(recipe_);
  state_.data = task_->data_state();
  output_.begin(state_.step, state_.recipe);
  processes_->barrier();  // the folder is there, and what a killed process left is gone
}

void Trainer::go_on() {
  FoundCheckpoint found;
  bool validated = false;
  if (output_.folder() != nullptr) {
    found = newest_whole_checkpoint(output_.path());
    for (const std::string& problem : found.passed_over) {
      output_.say(fmt::format("warning: {}; passed over", problem));
    }
    validated =
        found.step && has_scalar(output_.folder()->metrics_path(), *found.step, "validation_loss");
  }
  // The first process's findings, for all.
  const std::vector<double> told = processes_->sums_of(
      {found.step ? 1.0 : 0.0, static_cast<double>(found.step.value_or(0)), validated ? 1.0 : 0.0});
  if (told[0] == 0) return;
  const fs::path checkpoint =
      output_.path() / fmt::format("checkpoint-{}", static_cast<int64_t>(told[1]));
  const SavedRun saved = read_run(checkpoint);
  check_same_recipe(saved.state.recipe, to_json(recipe_), recipe_.name);
  load_run(checkpoint, saved, parameters_, optimizer_);
  state_ = saved.state;
  task_->restore_data(state_.data, checkpoint.string());
  saved_step_ = state_.step;
  if (told[2] > 0) validated_step_ = state_.step;
  output_.say(fmt::format("going on from {}", checkpoint.string()));
}

double Trainer::progress() const {
  if (recipe_.steps > 0)
    return static_cast<double>(state_.step) / static_cast<double>(recipe_.steps);
  return task_->epochs_read() / static_cast<double>(recipe_.epochs);
}

bool Trainer::finished() const {
  return recipe_.steps > 0 ? state_.step >= recipe_.steps : task_->data_ended();
}

void Trainer::say_length() {
  const RunLength& length = options_.length;
  if (length.samples == 0) return;
  output_.say(fmt::format("{} samples an epoch; {}", length.samples, length_text(recipe_, length)));
  const std::string warning = short_run_warning(recipe_, length);
  if (!warning.empty()) output_.say(warning);
}

void Trainer::show_encoding(int64_t done, int64_t total) {
  if (!told_encoding_) {
    output_.say(
        "images are encoded when they are first met: steps take longer until all have been");
  }
  told_encoding_ = true;
  output_.note(
      fmt::format("step {}: encoding images, {} of {} new ones", state_.step + 1, done, total));
}

int64_t Trainer::expected_steps() const {
  if (recipe_.steps > 0) return recipe_.steps;
  if (options_.length.exact) return std::max(state_.step, options_.length.steps);
  const double done = std::max(progress(), 1e-9);
  return std::max(state_.step,
                  static_cast<int64_t>(std::llround(static_cast<double>(state_.step) / done)));
}

double Trainer::learning_rate() const {
  return recipe_.steps > 0 ? schedule_.at(state_.step)
                           : schedule_.at_progress(state_.step, progress());
}

void Trainer::update(StepResult& result, double loss_scale) {
  processes_->sum(parameters_.gradients());
  if (loss_scale != 1) parameters_.gradients().mul_(loss_scale);
  result.gradient_norm = clip_gradients(parameters_, recipe_.clip_norm);
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) {
    optimizer_.step(result.learning_rate);
    skipped_in_a_row_ = 0;
    return;
  }
  ++state_.skipped_steps;
  output_.say(
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

Trainer::OwnStep Trainer::own_step() {
  try {
    return {task_->run_step(state_.step), nullptr};
  } catch (const Interrupted&) {
    return {std::nullopt, std::current_exception(), true};
  } catch (...) {
    return {std::nullopt, std::current_exception()};
  }
}

std::optional<Trainer::StepResult> Trainer::step() {
  const double rate = learning_rate();  // before the step's data are read
  parameters_.zero_gradients();
  const OwnStep own = own_step();
  const StepSums sums = own.sums.value_or(StepSums{});
  for (const std::string& line : sums.broken) output_.tell("left out: " + line);
  if (!sums.warning.empty()) output_.tell(sums.warning);
  enum Number { kLoss, kTokens, kImages, kInterrupted, kFailed, kEnded, kLost, kBroken, kHalf };
  const std::vector<double> all = processes_->sums_of(
      {sums.loss, static_cast<double>(sums.tokens), static_cast<double>(sums.images),
       options_.interrupted() ? 1.0 : 0.0, own.failure ? 1.0 : 0.0,
       own.sums || own.failure ? 0.0 : 1.0, static_cast<double>(sums.lost_label_tokens),
       static_cast<double>(sums.broken.size()), own.interrupted ? 1.0 : 0.0});
  if (all[kHalf] > 0 && all[kHalf] == all[kFailed]) end_interrupted();
  if (all[kFailed] > 0) end_unreadable(own.failure);
  if (all[kEnded] > 0) return std::nullopt;
  // The loss is the mean over the labels that were there.
  const auto planned = static_cast<double>(sums.label_tokens);
  const double scale = all[kLost] < planned ? planned / (planned - all[kLost]) : 1;
  StepResult result{all[kLoss] * scale, all[kTokens], all[kImages], 0, rate, all[kInterrupted] > 0};
  update(result, scale);
  ++state_.step;
  state_.data = task_->data_state();
  count_broken(static_cast<int64_t>(all[kBroken]));
  return result;
}

void Trainer::count_broken(int64_t broken) {
  state_.broken_samples += broken;
  if (broken == 0) return;
  const auto per_epoch = static_cast<double>(task_->samples_per_epoch());
  const double read = std::max(1.0, task_->epochs_read()) * per_epoch;
  if (static_cast<double>(state_.broken_samples) <= recipe_.max_broken * read) return;
  const bool saved = save();
  throw InputError(fmt::format(
      "{} samples of {:.0f} are broken, more than max_broken ({}) allows; {}with a larger "
      "one (--set max_broken=0.5), or their images and films put right, --resume goes "
      "on; changed rows need a new run",
      state_.broken_samples, read, recipe_.max_broken,
      saved ? fmt::format("step {} is saved; ", state_.step) : ""));
}

/// The data of the next step can't be read, here or on another process: what was trained is saved
/// first. The step's beginning is where --resume goes on.
void Trainer::end_unreadable(const std::exception_ptr& failure) {
  const bool saved = state_.step > 0 && save();
  // Edited rows would be other data, which --resume refuses.
  const std::string and_now =
      fmt::format("{}with the file put right{} --resume goes on; changed rows need a new run",
                  saved ? fmt::format("step {} is saved; ", state_.step) : "",
                  recipe_.on_broken == OnBroken::kStop ? ", or with --set on_broken=skip," : "");
  if (!failure) {
    throw Error(fmt::format("process {}: another process could not make step {}{}",
                            processes_->rank(), state_.step + 1,
                            saved ? fmt::format("; step {} is saved", state_.step) : ""));
  }
  try {
    std::rethrow_exception(failure);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}; {}", error.what(), and_now));
  } catch (...) {
    if (saved)
      output_.tell(fmt::format("step {} is saved; --resume goes on from there", state_.step));
    throw;
  }
}

void Trainer::end_interrupted() {
  if (state_.step == 0) throw Interrupted("interrupted in the first step: nothing is trained yet");
  if (!save()) {
    throw Error(fmt::format("interrupted, and step {} could not be saved: {}", state_.step,
                            output_.failures().summary()));
  }
  throw Interrupted(fmt::format("interrupted; step {} is saved: go on with owl3 train {} --resume",
                                state_.step, recipe_.output));
}

void Trainer::log(const StepResult& result) {
  state_.logged_loss += result.loss;
  ++state_.logged_steps;
  output_.count(result.tokens, result.images);
  const bool due_now = state_.step == 1 || due(recipe_.log_every) || finished();
  TrainingState shown;
  shown.step = state_.step;
  shown.steps = expected_steps();
  shown.loss = state_.logged_loss / static_cast<double>(state_.logged_steps);
  shown.learning_rate = result.learning_rate;
  shown.tokens_per_second = output_.tokens_per_second();
  shown.images_per_second = output_.images_per_second();
  shown.seconds_left =
      output_.seconds_per_step() * static_cast<double>(expected_steps() - state_.step);
  output_.show(shown, due_now);
  if (!due_now) return;
  output_.write(state_.step, {{"loss", shown.loss},
                              {"learning_rate", result.learning_rate},
                              {"gradient_norm", result.gradient_norm},
                              {"epoch", task_->epochs_read()},
                              {"tokens_per_second", shown.tokens_per_second},
                              {"images_per_second", shown.images_per_second},
                              {"skipped_steps", static_cast<double>(state_.skipped_steps)},
                              {"broken_samples", static_cast<double>(state_.broken_samples)}});
  state_.logged_loss = 0;
  state_.logged_steps = 0;
  output_.end_interval();
}

void Trainer::validate_if_due(bool at_end) {
  if (validated_step_ == state_.step || (!at_end && !due(recipe_.validation.every))) return;
  std::optional<std::vector<Scalar>> metrics;
  const bool done = output_.failures().attempt(
      fmt::format("validation at step {}", state_.step),
      [&] { metrics = task_->validate(*processes_, options_.interrupted); });
  output_.begin_interval();
  if (done && !metrics) {
    stopped_ = true;
    return;
  }
  validated_step_ = state_.step;
  if (!metrics || metrics->empty()) return;
  output_.write(state_.step, *metrics);
  std::string line = fmt::format("step {}", state_.step);
  for (const auto& [name, value] : *metrics) line += fmt::format("  {} {:.4f}", name, value);
  output_.say(line);
}

bool Trainer::together(const std::string& what, const std::function<void()>& work) {
  const bool done = output_.failures().attempt(what, work);
  const bool all_done = processes_->sums_of({done ? 0.0 : 1.0})[0] == 0;
  if (done && !all_done) output_.failures().note(what, "another process could not write its part");
  return all_done;
}

bool Trainer::save() {
  if (saved_step_ == state_.step) return true;
  RunFolder* folder = output_.folder();
  const std::string what = fmt::format("saving step {}", state_.step);
  fs::path checkpoint;  // while it is filled
  std::optional<AtomicFolder> pending;
  const bool saved =
      together(what,
               [&] {
                 if (folder) pending.emplace(folder->begin_checkpoint(state_.step));
               }) &&
      together(what,
               [&] {
                 const std::string name =
                     pending ? pending->temporary().filename().string() : std::string();
                 checkpoint = output_.path() / processes_->from_first(name);
               }) &&
      together(what,
               [&] {
                 save_shard(checkpoint, parameters_, optimizer_, *processes_);
                 if (folder == nullptr) return;
                 save_state(checkpoint, state_, parameters_, optimizer_, *processes_);
                 task_->save(checkpoint);
               }) &&
      together(what, [&] {
        if (pending) pending->commit();
      });
  output_.begin_interval();
  if (!saved) return false;
  saved_step_ = state_.step;
  if (folder != nullptr) {
    output_.failures().attempt("naming the newest checkpoint",
                               [&] { folder->name_newest(state_.step, recipe_.keep); });
  }
  return true;
}

void Trainer::save_model() {
  RunFolder* folder = output_.folder();
  if (folder == nullptr) return;
  const bool saved = output_.failures().attempt("writing the model", [&] {
    AtomicFolder pending(folder->model_path());
    task_->save_final(pending.temporary());
    pending.commit();
  });
  if (saved) output_.say(fmt::format("{} is ready", folder->model_path().string()));
}

void Trainer::run() {
  say_length();
  if (!finished()) output_.note(fmt::format("step {} begins", state_.step + 1));
  if (saved_step_ > 0 && !finished()) validate_if_due(false);  // what a killed process left out
  while (!stopped_ && !finished()) {
    const std::optional<StepResult> result = step();
    if (!result) break;  // the last epoch has ended, with samples that were left out
    log(*result);
    stopped_ = result->interrupted;
    if (due(recipe_.save_every)) save();
    if (!stopped_) validate_if_due(false);
  }
  if (stopped_ && !finished()) end_interrupted();
  finish();
}

void Trainer::finish() {
  save();
  save_model();
  if (!stopped_) validate_if_due(true);
  if (const std::string warning = task_->data_warning(); !warning.empty()) output_.say(warning);
  if (state_.broken_samples > 0) {
    output_.say(fmt::format("samples left out because they are broken: {}", state_.broken_samples));
  }
  if (const std::string failed = output_.failures().summary(); !failed.empty()) {
    throw Error(fmt::format("the run has ended, but {}", failed));
  }
  const bool validation_left = !recipe_.validation.data.empty() && validated_step_ != state_.step;
  if (stopped_ && validation_left) {
    throw Interrupted(
        fmt::format("interrupted; the model is written: owl3 train {} --resume makes up for the "
                    "validation",
                    recipe_.output));
  }
}

}  // namespace owl3::train
