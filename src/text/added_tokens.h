// Added tokens: strings that are one token wherever they occur, found before anything else is done
// to the text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace owl3 {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;   // looked for in the normalised text, not in the text as given
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space after it along
  bool single_word = false;  // only where no letter, digit or underscore touches it

  /// Whether it steers the model rather than says something: flagged special, or of the form
  /// <|...|>, which some tokenizers leave unflagged (<|fim_prefix|>).
  bool is_control() const {
    return special || (content.starts_with("<|") && content.ends_with("|>"));
  }
};

/// Bytes begin..end-1 of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

/// A stretch of text that is an added token, or (id -1) lies between two of them.
struct Segment {
  std::string_view text;
  int32_t id = -1;
};

/// Finds the added tokens in a text: of those that begin first, the longest.
class AddedTokenMatcher {
 public:
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  /// The text, cut up; no segment is empty. A control token that lies in one of the `literal`
  /// ranges, or reaches into it, is text like any other.
  std::vector<Segment> split(std::string_view text, std::span<const TextRange> literal = {}) const;

 private:
  const AddedToken* longest_at(std::string_view text, size_t begin,
                               std::span<const TextRange> literal) const;

  std::vector<AddedToken> tokens_;
  std::array<bool, 256> begins_{};                   // whether a token begins with the byte
  std::unordered_map<uint64_t, uint32_t> children_;  // trie: node << 8 | byte -> node
  std::vector<int32_t> token_at_;                    // [nodes] index into tokens_, or -1
};

}  // namespace owl3
