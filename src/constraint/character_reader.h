// Characters of a text that comes a byte at a time: as UTF-8, and in JSON strings also escaped.
#pragma once

#include <cstdint>
#include <vector>

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

/// The characters that may come of it, as ranges.
CharSet possible_characters(PartialCharacter part);

}  // namespace owl3
