// What `owl3 chat --live` tells: JSON for programs, lines for people.
#pragma once

#include <string>

#include "owl3/owl3.h"

namespace owl3::cli {

/// Of an answer, with what was in the window when it was asked. One object in one line.
std::string live_answer_json(const std::string& question, const Answer& answer,
                             const LiveChatStats& window, bool standing, bool has_logprobs);
std::string live_event_json(const LiveEvent& event);
/// {"time", "error", "kind"} of a question that came to nothing.
std::string live_failure_json(const std::string& question, const std::string& message,
                              const char* kind);

/// Of the clock of a source: "0:07", "1:02:03".
std::string clock_text(double seconds);
/// A fact a line.
std::string live_stats_text(const LiveChatStats& chat, const LiveFeedStats& feed,
                            const std::string& device);

}  // namespace owl3::cli
