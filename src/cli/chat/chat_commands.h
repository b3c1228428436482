// The commands of a conversation, which begin with a slash: what they do, and what they tell.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/chat/chat_session.h"

namespace owl3::cli {

struct CommandResult {
  std::string text;             // for people: whole lines
  nlohmann::ordered_json json;  // for --json; begins with "command"
  bool is_note = true;          // of what was done; else what was asked for
  bool quit = false;
};

/// "/image", "/video" and all others.
const std::vector<std::string>& command_names();

/// "/image" of "/image a.jpg".
std::string command_name(const std::string& line);

/// "/quit" for "exit" or "quit" alone, which people type everywhere, "/help" for "help"; else
/// nothing.
std::string meant_command(const std::string& line);

/// Does what the line, which begins with a slash, says. Throws an Error where that can't be done;
/// the conversation is then as before.
CommandResult do_command(ChatSession& session, const std::string& line);

/// The words of a command's arguments: spaces separate, quotes and backslashes keep them. Throws
/// UsageError for a quote that is not closed.
std::vector<std::string> split_words(const std::string& text);

}  // namespace owl3::cli
