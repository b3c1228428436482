// `owl3 chat --live`: questions about what is happening, by hand and standing.
#pragma once

#include "cli/chat/chat_options.h"
#include "program/interrupt.h"
#include "program/quiet_terminal.h"

namespace owl3::cli {

/// Until the source, standard input or the user ends it; returns the program's exit code. Lines
/// are edited where there is a quiet terminal.
int watch_live(const ChatArguments& arguments, InterruptGuard& interrupt, QuietTerminal* quiet);

}  // namespace owl3::cli
