#include "constraint/token_trie.h"

#include <algorithm>
#include <bit>

namespace owl3 {

size_t TokenMask::count() const {
  size_t count = 0;
  for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
  return count;
}

int32_t TokenMask::first() const {
  for (size_t i = 0; i < words_.size(); ++i) {
    if (words_[i] != 0) return static_cast<int32_t>(i * 64) + std::countr_zero(words_[i]);
  }
  return -1;
}

// Tokens are sorted by their bytes; a node is a range of them that share a beginning. Children of a
// node stand side by side, a level at a time.
TokenTrie::TokenTrie(const Tokenizer& tokenizer)
    : vocab_size_(static_cast<size_t>(tokenizer.vocab_size())), bytes_(vocab_size_) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.is_special(id) || tokenizer.bytes_of(id).empty()) continue;
    std::string& bytes = bytes_[static_cast<size_t>(id)];
    bytes = tokenizer.bytes_of(id);
    longest_ = std::max(longest_, static_cast<uint32_t>(bytes.size()));
    tokens_.push_back(id);
  }
  std::sort(tokens_.begin(), tokens_.end(), [&](int32_t a, int32_t b) {
    const std::string& first = bytes_of(a);
    const std::string& second = bytes_of(b);
    return first != second ? first < second : a < b;
  });
  struct Range {
    uint32_t begin;
    uint32_t end;
    uint32_t depth;
  };
  std::vector<Range> ranges = {{0, static_cast<uint32_t>(tokens_.size()), 0}};
  nodes_.push_back({});
  for (uint32_t number = 0; number < nodes_.size(); ++number) {
    const Range range = ranges[number];
    uint32_t at = range.begin;
    while (at < range.end && bytes_of(tokens_[at]).size() == range.depth) ++at;
    nodes_[number].first_token = range.begin;
    nodes_[number].tokens = at - range.begin;
    nodes_[number].first_child = static_cast<uint32_t>(nodes_.size());
    while (at < range.end) {
      const auto byte = static_cast<unsigned char>(bytes_of(tokens_[at])[range.depth]);
      uint32_t end = at;
      while (end < range.end &&
             static_cast<unsigned char>(bytes_of(tokens_[end])[range.depth]) == byte) {
        ++end;
      }
      nodes_.push_back({0, 0, 0, 0, number, byte});
      ranges.push_back({at, end, range.depth + 1});
      at = end;
    }
    nodes_[number].children = static_cast<uint32_t>(nodes_.size()) - nodes_[number].first_child;
  }
}

}  // namespace owl3
