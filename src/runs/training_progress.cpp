#include "runs/training_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/progress_text.h"

namespace owl3 {

namespace {

std::string rate(double per_second, const char* unit) {
  if (per_second <= 0) return "";
  return per_second >= 10 ? fmt::format("  {:.0f} {}/s", per_second, unit)
                          : fmt::format("  {:.2g} {}/s", per_second, unit);
}

struct Parts {
  std::string step;
  std::string loss;
  std::string rates;
  std::string left;
};

Parts parts_of(const TrainingState& state) {
  Parts parts;
  parts.step = fmt::format("step {}/{}", state.step, state.steps);
  parts.loss = fmt::format("  loss {:.4f}  lr {:.2e}", state.loss, state.learning_rate);
  parts.rates = rate(state.tokens_per_second, "tokens") + rate(state.images_per_second, "images");
  if (state.seconds_left >= 0) parts.left = "  left " + duration_text(state.seconds_left);
  return parts;
}

}  // namespace

std::string training_log_line(const TrainingState& state) {
  const Parts parts = parts_of(state);
  return parts.step + parts.loss + parts.rates + parts.left;
}

std::string training_line(const TrainingState& state, int columns) {
  const Parts parts = parts_of(state);
  std::string tail = parts.loss + parts.rates + parts.left;
  if (static_cast<int>(parts.step.size() + tail.size()) >= columns) tail = parts.loss + parts.left;
  const int room = columns - 3 - static_cast<int>(parts.step.size() + tail.size());
  std::string line = parts.step;
  if (room >= 5 && state.steps > 0) {
    line += "  " + bar_text(static_cast<double>(state.step) / static_cast<double>(state.steps),
                            std::min(30, room));
    return line + tail;
  }
  return (line + tail).substr(0, static_cast<size_t>(std::max(0, columns - 1)));
}

TrainingProgress::TrainingProgress(std::FILE* out, std::function<int()> columns)
    : out_(out), columns_(std::move(columns)) {}

void TrainingProgress::update(const TrainingState& state, bool logged) {
  if (!columns_) {
    if (logged) say(training_log_line(state));
    return;
  }
  const auto now = Clock::now();
  if (now < next_ && state.step < state.steps) return;
  next_ = now + std::chrono::milliseconds(100);
  put("\r\033[K" + training_line(state, columns_()));
  shown_ = true;
}

void TrainingProgress::note(const std::string& text) {
  if (!columns_) return;
  const int columns = columns_();
  put("\r\033[K" + text.substr(0, static_cast<size_t>(std::max(0, columns - 1))));
  shown_ = true;
}

void TrainingProgress::say(const std::string& text) {
  erase();
  put(text + "\n");
}

void TrainingProgress::erase() {
  if (shown_) put("\r\033[K");
  shown_ = false;
}

/// fmt::print() would throw.
void TrainingProgress::put(const std::string& text) {
  std::fputs(text.c_str(), out_);
  std::fflush(out_);
  std::clearerr(out_);
}

}  // namespace owl3
