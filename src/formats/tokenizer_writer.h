// Writing the tokenizer.json of a byte-level BPE with the model's special tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace owl3 {

/// The split pattern of the Qwen2 tokenizer: words, single digits, punctuation.
extern const char* const kQwen2Pattern;

/// The 256 characters that stand for bytes, in the order of their ids: bytes that print stand for
/// themselves, the others for the characters from U+0100 on.
std::vector<std::string> byte_characters();

/// `tokens` by id, in those characters, the 256 bytes first; merges as "left right". The model's
/// special tokens follow, in the order of the released files.
std::string write_tokenizer_json(const std::vector<std::string>& tokens,
                                 const std::vector<std::string>& merges,
                                 const std::string& pattern);

/// How many special tokens those are.
int64_t special_token_count();

}  // namespace owl3
