// Training a byte-level BPE: which pairs of tokens to merge, so that a text becomes few tokens.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/pattern.h"

namespace owl3 {

/// The pieces of a text, as the tokenizer's pattern cuts it, with how often each occurs.
class PieceCounter {
 public:
  /// `pattern` is a regular expression; throws InputError when it is none.
  explicit PieceCounter(std::string_view pattern) : pattern_(pattern, /*literal=*/false) {}

  /// Invalid UTF-8 throws InputError.
  void add(std::string_view text, int64_t times = 1);
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  Pattern pattern_;
  PatternMatcher matcher_;
  std::map<std::string, int64_t> counts_;
};

/// Left and right of a merge, as bytes.
using BytePair = std::pair<std::string, std::string>;

/// Merges, in their order: first `given`, then the pairs that occur most often within pieces, of
/// equals the first by their bytes; at most `limit` in all, fewer when no pair occurs twice. Each
/// makes a token that was not there before.
std::vector<BytePair> train_bpe(const std::map<std::string, int64_t>& pieces,
                                std::vector<BytePair> given, size_t limit);

}  // namespace owl3
