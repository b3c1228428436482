// What a Hugging Face tokenizer.json says, read and checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace owl3 {

/// One cut of the pre-tokenizer: matches of the pattern, and what lies between them, are pieces.
struct SplitRule {
  std::string pattern;
  bool literal = false;  // the text itself rather than a regular expression
};

struct TokenizerFile {
  Vocabulary vocabulary;  // indexed, without the added tokens
  MergeList merges;
  std::vector<AddedToken> added_tokens;
  std::vector<SplitRule> splits;
  bool nfc = false;
  bool ignore_merges = false;
};

/// Reads a tokenizer.json of a byte-level BPE; `added_tokens`, a JSON array, stands in for the
/// file's own when given. Throws InputError, naming the place inside the file, when it is broken or
/// asks for something owl3 does not do: better no tokens than wrong ones.
TokenizerFile read_tokenizer_file(std::string_view json,
                                  std::optional<std::string_view> added_tokens);

}  // namespace owl3
