// The tokens of a vocabulary by their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace owl3 {

/// A bit for each token.
class TokenMask {
 public:
  explicit TokenMask(size_t tokens = 0) : words_((tokens + 63) / 64) {}

  /// Whether there is a bit for the token.
  bool holds(int32_t token) const { return token >= 0 && word_of(token) < words_.size(); }
  void add(int32_t token) { words_[word_of(token)] |= bit_of(token); }
  void remove(int32_t token) { words_[word_of(token)] &= ~bit_of(token); }
  /// Tokens beyond the vocabulary are not in it.
  bool has(int32_t token) const {
    return holds(token) && (words_[word_of(token)] & bit_of(token)) != 0;
  }
  void add(const TokenMask& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  size_t count() const;
  /// The least token in it; -1 when it is empty.
  int32_t first() const;
  const std::vector<uint64_t>& words() const { return words_; }

 private:
  static size_t word_of(int32_t token) { return static_cast<size_t>(token) / 64; }
  static uint64_t bit_of(int32_t token) { return uint64_t{1} << (token % 64); }

  std::vector<uint64_t> words_;
};

/// Special tokens and those without bytes are left out: no answer's text has them.
class TokenTrie {
 public:
  explicit TokenTrie(const Tokenizer& tokenizer);

  struct Node {
    uint32_t first_child = 0;
    uint32_t children = 0;
    uint32_t first_token = 0;
    uint32_t tokens = 0;
    uint32_t parent = 0;
    unsigned char byte = 0;
  };
  static constexpr uint32_t kRoot = 0;
  const Node& node(uint32_t number) const { return nodes_[number]; }
  /// The tokens that end at a node.
  const int32_t* tokens(const Node& node) const { return tokens_.data() + node.first_token; }

  size_t vocab_size() const { return vocab_size_; }
  /// Of the longest token, in bytes.
  uint32_t longest() const { return longest_; }
  /// Empty for what is not in the trie.
  const std::string& bytes_of(int32_t token) const { return bytes_[static_cast<size_t>(token)]; }

 private:
  size_t vocab_size_ = 0;
  uint32_t longest_ = 0;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  std::vector<std::string> bytes_;
};

}  // namespace owl3
