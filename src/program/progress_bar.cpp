#include "program/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/progress_text.h"
#include "program/terminal.h"

namespace owl3 {

namespace {

/// The unit of a stage's steps is its last word: "encoding images" counts images.
std::string_view unit_of(std::string_view stage) {
  const size_t space = stage.rfind(' ');
  const std::string_view word = space == stage.npos ? stage : stage.substr(space + 1);
  if (word == "images" || word == "frames" || word == "MB") return word;
  return word == "prompt" ? "tokens" : "";
}

}  // namespace

std::string progress_line(std::string_view stage, int64_t done, int64_t total, double seconds,
                          int columns) {
  if (done == 0 && total == 0)
    return std::string(stage.substr(0, static_cast<size_t>(columns - 1)));
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string tail = total > 0 ? fmt::format(" {}/{}", done, total) : fmt::format(" {}", done);
  if (rate > 0) {
    tail += rate >= 10 ? fmt::format("  {:.0f}", rate) : fmt::format("  {:.2g}", rate);
    tail += fmt::format(" {}/s", unit_of(stage));
    if (total > done) tail += "  ETA " + duration_text(static_cast<double>(total - done) / rate);
  }
  std::string line(stage);
  if (total > 0) {
    const int room = columns - 2 - static_cast<int>(line.size() + tail.size());
    const int width = std::min(30, room);
    if (width >= 5) {
      line += "  " + bar_text(static_cast<double>(done) / static_cast<double>(total), width);
    }
  }
  if (static_cast<int>(stage.size() + tail.size()) >= columns) {
    return std::string(stage.substr(0, static_cast<size_t>(std::max(0, columns - 1))));
  }
  return line + tail;
}

ProgressBar::ProgressBar() : terminal_(is_terminal(STDERR_FILENO)) {}

void ProgressBar::update(std::string_view stage, int64_t done, int64_t total) {
  if (!terminal_) return;
  const auto now = Clock::now();
  // Stages with one total are one work done by turns: frames decoded and encoded.
  if (total != total_ || (stage == stage_ && done < done_)) {
    first_done_ = done;
    start_ = now;
    next_ = now + std::chrono::milliseconds(shown_ ? 0 : 150);
  }
  if (done != done_) stepped_ = now;
  stage_ = stage;
  done_ = done;
  total_ = total;
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  // The rate is that of this work's own steps, not of what was there before it, and stands still
  // until the next step.
  const double seconds = std::chrono::duration<double>(stepped_ - start_).count();
  const double of_all = done > first_done_ ? seconds * static_cast<double>(done) /
                                                 static_cast<double>(done - first_done_)
                                           : 0;
  fmt::print(stderr, "\r\033[K{}",
             progress_line(stage, done, total, of_all, terminal_columns(STDERR_FILENO)));
  std::fflush(stderr);
  shown_ = true;
}

void ProgressBar::erase() {
  if (shown_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }
  shown_ = false;
  total_ = -1;
}

}  // namespace owl3
