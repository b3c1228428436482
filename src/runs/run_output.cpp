#include "runs/run_output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "runs/recipe.h"

namespace owl3 {

bool Failures::attempt(const std::string& what, const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    note(what, error.what());
    return false;
  }
}

void Failures::note(const std::string& what, const std::string& message) {
  const auto known = std::find_if(failures_.begin(), failures_.end(),
                                  [&](const Failure& failure) { return failure.what == what; });
  Failure& failure = known != failures_.end() ? *known : failures_.emplace_back();
  const bool is_new = failure.message != message;
  failure = {what, message, failure.times + 1};
  if (is_new) tell_(fmt::format("warning: {} failed: {}", what, message));
}

std::string Failures::summary() const {
  std::string text;
  for (const Failure& failure : failures_) {
    text += fmt::format("{}{} failed{}: {}", text.empty() ? "" : "; ", failure.what,
                        failure.times > 1 ? fmt::format(" ({} times)", failure.times) : "",
                        failure.message);
  }
  return text;
}

RunOutput::RunOutput(const std::filesystem::path& path, bool first, bool resume,
                     std::function<int()> columns)
    : path_(std::filesystem::absolute(path)),
      progress_(stderr, std::move(columns)),
      failures_([this](const std::string& line) { tell(line); }) {
  if (first) folder_ = std::make_unique<RunFolder>(path_, resume);
}

void RunOutput::begin(int64_t step, const nlohmann::ordered_json& recipe) {
  if (folder_ == nullptr) return;
  AtomicFile file(folder_->recipe_path());
  file.write(to_yaml(recipe));
  file.commit();
  metrics_ = std::make_unique<MetricsFile>(folder_->metrics_path(), step);
  first_step_ = step;
  interval_begin_ = Clock::now();
}

void RunOutput::write(int64_t step, const std::vector<Scalar>& scalars) {
  if (folder_ == nullptr) return;
  failures_.attempt("writing metrics", [&] { metrics_->write({step, scalars}); });
  failures_.attempt("writing events for TensorBoard", [&] {
    // Not before there is something to write: a run that ends earlier leaves no empty file.
    if (!events_) events_ = std::make_unique<EventFile>(folder_->path(), first_step_);
    events_->write(step, scalars);
  });
}

void RunOutput::say(const std::string& text) {
  if (folder_ != nullptr) progress_.say(text);
}

void RunOutput::show(const TrainingState& state, bool logged) {
  if (folder_ != nullptr) progress_.update(state, logged);
}

void RunOutput::note(const std::string& text) {
  if (folder_ != nullptr) progress_.note(text);
}

void RunOutput::count(double tokens, double images) {
  tokens_ += tokens;
  images_ += images;
  ++steps_;
}

double RunOutput::seconds() const {
  return std::max(1e-9, std::chrono::duration<double>(Clock::now() - interval_begin_).count());
}

double RunOutput::seconds_per_step() const {
  return seconds() / static_cast<double>(std::max<int64_t>(1, steps_));
}

void RunOutput::end_interval() {
  begin_interval();
}

void RunOutput::begin_interval() {
  interval_begin_ = Clock::now();
  tokens_ = images_ = 0;
  steps_ = 0;
}

}  // namespace owl3
