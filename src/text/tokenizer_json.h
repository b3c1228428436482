// The JSON of a tokenizer.json, read as a stream: vocabulary and merges, hundreds of thousands of
// entries, go straight to where they belong; the rest, small, becomes a document.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "text/bpe.h"

namespace owl3 {

struct TokenizerJson {
  nlohmann::json document;  // without model.vocab and model.merges
  Vocabulary vocabulary;    // not yet indexed
  MergeList merges;
  bool has_vocabulary = false;
  bool has_merges = false;
};

/// Throws InputError when it is not JSON, or vocabulary or merges are not as BPE has them.
TokenizerJson parse_tokenizer_json(std::string_view json);

}  // namespace owl3
