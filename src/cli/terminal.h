// What the terminal is, and text that is fit to be shown on it.
#pragma once

#include <string>
#include <string_view>

namespace owl3::cli {

bool is_terminal(int descriptor);
/// Columns of the terminal; 80 when it does not tell.
int terminal_columns(int descriptor);

/// The text without control characters (newline and tab stay): an answer, or a file name in it,
/// must not be able to move the cursor or change the terminal.
std::string without_controls(std::string_view text);

/// The text as one line: newlines and other control characters become spaces.
std::string one_line(std::string_view text);

}  // namespace owl3::cli
