// The interactive conversation: questions, and commands that begin with a slash.
#pragma once

#include <string>
#include <vector>

#include "cli/chat/chat_session.h"
#include "program/quiet_terminal.h"

namespace owl3::cli {

/// Converses until the end of input or /quit; returns the program's exit code. Lines are
/// edited where there is a quiet terminal.
int converse(ChatSession& session, const ChatArguments& arguments, InterruptGuard& interrupt,
             QuietTerminal* quiet);

/// Asks and shows the answer as the arguments say: streamed, or as JSON, which then also tells of
/// the commands before the question that failed. Returns how it ended.
StopReason ask_and_show(ChatSession& session, const ChatArguments& arguments,
                        const std::string& question,
                        const std::vector<std::string>& failed_commands = {});

}  // namespace owl3::cli
