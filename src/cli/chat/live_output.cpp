#include "cli/chat/live_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "program/terminal.h"

namespace owl3::cli {

LiveOutput::LiveOutput(bool json) : json_(json), safe_(is_terminal(STDOUT_FILENO)) {}

void LiveOutput::line(const std::string& text) {
  say({(safe_ ? without_controls(text) : text) + "\n", true});
}

void LiveOutput::piece(std::string_view text) const {
  const std::string shown = safe_ ? without_controls(text) : std::string(text);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
  flush_output();
}

LiveOutput::Held::Held(LiveOutput& output) : output_(output) {
  const std::lock_guard lock(output_.mutex_);
  output_.is_held_ = true;
}

LiveOutput::Held::~Held() {
  const std::lock_guard lock(output_.mutex_);
  output_.is_held_ = false;
  output_.write_waiting();
}

bool LiveOutput::has_waiting() {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

void LiveOutput::say_waiting() {
  const std::lock_guard lock(mutex_);
  write_waiting();
}

void LiveOutput::say(Said said) {
  const std::lock_guard lock(mutex_);
  if (is_held_) {
    waiting_.push_back(std::move(said));
  } else {
    write(said);
  }
}

void LiveOutput::write(const Said& said) {
  if (!said.is_output) return tell(said.text);
  fmt::print("{}", said.text);
  flush_output();
}

void LiveOutput::write_waiting() noexcept {
  for (const Said& said : std::exchange(waiting_, {})) {
    try {
      write(said);
    } catch (const OutputFailed&) {  // the next line tells
    }
  }
}

}  // namespace owl3::cli
