// What `owl3 chat` tells about an answer: JSON for programs, a few lines for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/chat/chat_session.h"

namespace owl3::cli {

/// One JSON object in one line; `failed_commands` of a conversation, each with its error.
std::string answer_json(const ChatSession& session, const AnswerReport& report,
                        const std::vector<std::string>& failed_commands = {});

/// What --json tells of each: type, path, images, bytes, times and warnings.
nlohmann::ordered_json media_json(const std::vector<Medium>& media);

/// Images/s, tokens/s, latency of the first token, memory: one fact a line.
std::string stats_text(const ChatSession& session);

/// "a cut image, 5 views" or "48 frames", and its memory.
std::string medium_text(const Medium& medium);

}  // namespace owl3::cli
