// What -p asks.
#pragma once

#include <string>

#include "program/interrupt.h"

namespace owl3::cli {

/// -p's text, or all of standard input for "-", without its last newline. Throws InputError, and
/// Interrupted by Ctrl-C.
std::string question_text(const std::string& prompt, const InterruptGuard& interrupt);

}  // namespace owl3::cli
