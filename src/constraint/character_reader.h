// Characters of a text that comes a byte at a time: as UTF-8, and in JSON strings also escaped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "constraint/char_set.h"

namespace owl3 {

/// What has come of a character, in 32 bits; 0 between characters.
using PartialCharacter = uint32_t;

struct ReadByte {
  enum class What { kNone, kPart, kCharacter, kQuote };
  What what = What::kNone;  // kNone: no text goes on so
  char32_t character = 0;
  PartialCharacter part = 0;
};

/// `json`: inside a string's quotes; otherwise plain text.
ReadByte read_byte(PartialCharacter part, unsigned char byte, bool json);

/// A few ascending ranges of characters, without memory of their own: they are asked for at most
/// nodes of a vocabulary's trie.
class FewRanges {
 public:
  /// Surrogates are left out, and so is a range that ends before it begins.
  void add(char32_t first, char32_t last);
  const CharRange* begin() const { return ranges_.data(); }
  const CharRange* end() const { return ranges_.data() + count_; }
  bool empty() const { return count_ == 0; }
  bool contains(char32_t character) const;

 private:
  std::array<CharRange, 6> ranges_{};
  size_t count_ = 0;
};

/// The characters that may come of it.
FewRanges possible_characters(PartialCharacter part);

}  // namespace owl3
