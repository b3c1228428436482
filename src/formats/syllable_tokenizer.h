// A tokenizer.json made from nothing, for checkpoints of random weights: byte-level BPE whose
// tokens beyond the 256 bytes are syllables and made-up words.
#pragma once

#include <cstdint>
#include <string>

namespace owl3 {

/// Ids 0..255 are the bytes, then come `text_tokens` - 256 syllables and words with their merges,
/// then from id `text_tokens` on the model's special tokens, in the order of the released files.
std::string make_syllable_tokenizer(int64_t text_tokens);

}  // namespace owl3
