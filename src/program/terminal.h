// What the terminal is, text that is fit to be shown on it, and output that may fail.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace owl3 {

bool is_terminal(int descriptor);
/// Columns of the terminal; 80 when it does not tell.
int terminal_columns(int descriptor);

/// The text without control characters (newline and tab stay): an answer, or a file name in it,
/// must not be able to move the cursor or change the terminal.
std::string without_controls(std::string_view text);

/// The text as one line: newlines and other control characters become spaces, and a word that no
/// name would be as long as (image data, given for one) loses its middle; as does
/// what is longer than any message: somebody's text, given for a name.
std::string one_line(std::string_view text);

/// Standard output can't be written: a full disk, a closed descriptor. Not an Error: a conversation
/// that nobody can read does not go on after it.
class OutputFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// Throws OutputFailed when what was written to standard output does not arrive.
void flush_output();

/// Writes to standard error. Where that fails nobody is left to be told.
void tell(std::string_view text);
/// "owl3: warning: ...", a line; nothing for an empty text.
void tell_warning(std::string_view text);
void tell_warnings(std::span<const std::string> texts);

}  // namespace owl3
