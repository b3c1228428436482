// Text that comes a token at a time: whole characters only, and stop strings seen across tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// Collects bytes and releases only whole UTF-8 characters; invalid bytes become U+FFFD.
class Utf8Stream {
 public:
  /// Adds bytes; returns the text that is complete now.
  std::string push(std::string_view bytes);
  /// The rest: an unfinished character becomes one U+FFFD.
  std::string finish();

 private:
  std::string pending_;
};

/// Watches a stream of text for stop strings. Text that may be the beginning of one is held back
/// until that is decided; a found stop string is not part of the text.
class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops);
  /// Adds text; returns what may be shown now. After a stop was found, always empty.
  std::string push(std::string_view text);
  /// The text still held back at the end of the answer.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace owl3
