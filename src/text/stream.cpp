#include "text/stream.h"

#include <algorithm>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {

std::string Utf8Stream::push(std::string_view bytes) {
  pending_.append(bytes);
  // At most the last three bytes can be a character still to be completed.
  size_t complete = 0;
  std::string text;
  for (std::string_view rest = pending_; !rest.empty(); rest.remove_prefix(complete)) {
    const Utf8Character next = first_character(rest);
    if (next.state == Utf8State::kIncomplete) {
      pending_.erase(0, pending_.size() - rest.size());
      return text;
    }
    text.append(next.state == Utf8State::kValid ? rest.substr(0, next.length)
                                                : kReplacementCharacter);
    complete = next.length;
  }
  pending_.clear();
  return text;
}

std::string Utf8Stream::finish() {
  std::string rest = with_replacements(std::move(pending_));
  pending_.clear();
  return rest;
}

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) throw UsageError("a stop string is empty; leave it out");
  }
}

namespace {

/// Length of the longest end of `text` that is the beginning of `stop`, but not all of it.
size_t begun_length(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string StopStrings::push(std::string_view text) {
  if (stopped_) return {};
  pending_.append(text);

  // The stop string that is complete first counts, the longest of those that end together: so the
  // outcome does not depend on how the text was cut up.
  size_t first_end = std::string::npos, begin = 0;
  for (const std::string& stop : stops_) {
    const size_t at = pending_.find(stop);
    if (at == std::string::npos) continue;
    const size_t end = at + stop.size();
    if (end < first_end || (end == first_end && at < begin)) {
      first_end = end;
      begin = at;
    }
  }
  size_t shown = begin;
  if (first_end != std::string::npos) {
    stopped_ = true;
  } else {
    size_t held = 0;
    for (const std::string& stop : stops_) held = std::max(held, begun_length(pending_, stop));
    shown = pending_.size() - held;
  }
  std::string released = pending_.substr(0, shown);
  pending_.erase(0, stopped_ ? std::string::npos : shown);
  return released;
}

std::string StopStrings::finish() {
  std::string rest = std::move(pending_);
  pending_.clear();
  return rest;
}

}  // namespace owl3
