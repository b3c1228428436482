// The tokens of a vocabulary by their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

/// Texts by their bytes, in the order of a walk: a node, then all that begin with it.
class ByteTrie {
 public:
  ByteTrie() = default;
  /// Of sorted texts.
  explicit ByteTrie(const std::vector<std::string_view>& texts);

  struct Node {
    uint32_t end = 0;    // the next node that doesn't begin with this one
    uint32_t first = 0;  // of the texts that begin with it
    uint32_t depth = 0;
    unsigned char byte = 0;
  };
  static constexpr uint32_t kRoot = 0;
  const Node& operator[](uint32_t number) const { return nodes_[number]; }
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()) - 1; }
  /// The texts that end at a node are those from its first up to this one.
  uint32_t texts_end(uint32_t number) const { return nodes_[number + 1].first; }

 private:
  void close(size_t depth, std::vector<uint32_t>& open);

  std::vector<Node> nodes_{2};  // and one behind the last
};

/// Special tokens and those without bytes are left out: no answer's text has them.
class TokenTrie {
 public:
  explicit TokenTrie(const Tokenizer& tokenizer);
  TokenTrie(const TokenTrie&) = delete;
  TokenTrie& operator=(const TokenTrie&) = delete;

  const ByteTrie& nodes() const { return nodes_; }
  /// By the number of its text in nodes().
  int32_t token(uint32_t text) const { return tokens_[text]; }
  /// From the trie's root to a node.
  std::string_view bytes_to(uint32_t node) const {
    return std::string_view(bytes_of(tokens_[nodes_[node].first])).substr(0, nodes_[node].depth);
  }

  /// A node that ends with a quote, which may end a string, and what tokens have behind it: not
  /// many things, all in all.
  struct Quote {
    uint32_t node = 0;
    uint32_t first_tail = 0;
    uint32_t tails_end = 0;
  };
  struct Tail {
    int32_t token = 0;
    uint32_t text = 0;  // in tail_nodes()
  };
  uint32_t quote_at(uint32_t node) const;
  const Quote& quote(uint32_t number) const { return quotes_[number]; }
  const Tail& tail(uint32_t number) const { return tails_[number]; }
  const ByteTrie& tail_nodes() const { return tail_nodes_; }
  const std::vector<std::string_view>& tail_texts() const { return tail_texts_; }

  size_t vocab_size() const { return vocab_size_; }
  /// Of the longest token, in bytes.
  uint32_t longest() const { return longest_; }
  /// Empty for what is not in the trie.
  const std::string& bytes_of(int32_t token) const { return bytes_[static_cast<size_t>(token)]; }

 private:
  void find_tails();

  size_t vocab_size_ = 0;
  uint32_t longest_ = 0;
  std::vector<int32_t> tokens_;
  std::vector<std::string> bytes_;
  ByteTrie nodes_;
  std::vector<Quote> quotes_;  // by node
  std::vector<Tail> tails_;
  std::vector<std::string_view> tail_texts_;  // sorted
  ByteTrie tail_nodes_;
};

}  // namespace owl3
