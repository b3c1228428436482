// Finds where JSON values end without reading them: at the speed of memory, for files of gigabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

/// A place in a text, moved from value to value. Only what separates values is checked: that
/// brackets match and strings are closed in their line.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, size_t position) : text_(text), position_(position) {}

  size_t position() const { return position_; }
  /// From 1.
  int64_t line() const { return line_; }
  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return text_[position_]; }

  void skip_space();
  void skip_character() { ++position_; }
  /// Skips the value that begins here. Returns what is wrong with its structure, or nothing; the
  /// place is then that of the mistake.
  std::string skip_value();

 private:
  std::string skip_string();
  void skip_scalar();
  std::string close(char bracket);

  std::string_view text_;
  size_t position_;
  int64_t line_ = 1;
  std::string open_;  // brackets that await these closing ones
};

}  // namespace owl3
