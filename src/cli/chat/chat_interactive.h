// The interactive conversation: questions, and commands that begin with a slash.
#pragma once

#include <string>
#include <vector>

#include "cli/chat/chat_session.h"

namespace owl3::cli {

/// The words of a command's arguments: spaces separate, quotes and backslashes keep them. Throws
/// UsageError for a quote that is not closed.
std::vector<std::string> split_words(const std::string& text);

/// Converses until the end of input or /quit; returns the program's exit code.
int converse(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt);

/// Asks and shows the answer as the arguments say: streamed, or as JSON, which then also tells of
/// the commands before the question that failed. Returns how it ended.
StopReason ask_and_show(ChatSession& session, const ChatArguments& arguments,
                        const std::string& question,
                        const std::vector<std::string>& failed_commands = {});

}  // namespace owl3::cli
