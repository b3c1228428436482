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

ByteTrie::ByteTrie(const std::vector<std::string_view>& texts) : nodes_(1) {
  std::vector<uint32_t> open = {kRoot};
  std::string_view before;
  for (uint32_t number = 0; number < texts.size(); ++number) {
    const std::string_view text = texts[number];
    const auto differs = std::mismatch(text.begin(), text.end(), before.begin(), before.end());
    const auto common = static_cast<size_t>(differs.first - text.begin());
    close(common, open);
    for (size_t i = common; i < text.size(); ++i) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back(
          {0, number, static_cast<uint32_t>(i + 1), static_cast<unsigned char>(text[i])});
    }
    before = text;
  }
  close(0, open);
  nodes_[kRoot].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({0, static_cast<uint32_t>(texts.size()), 0, 0});
}

/// Ends the nodes deeper than that.
void ByteTrie::close(size_t depth, std::vector<uint32_t>& open) {
  for (; open.size() > depth + 1; open.pop_back()) {
    nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
  }
}

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
  std::vector<std::string_view> texts;
  for (const int32_t token : tokens_) texts.push_back(bytes_of(token));
  nodes_ = ByteTrie(texts);
  find_tails();
}

void TokenTrie::find_tails() {
  std::vector<std::string_view> texts;
  for (uint32_t node = 1; node < nodes_.size(); ++node) {
    if (nodes_[node].byte != '"') continue;
    const auto first = static_cast<uint32_t>(tails_.size());
    for (uint32_t text = nodes_[node].first; text < nodes_[nodes_[node].end].first; ++text) {
      texts.push_back(std::string_view(bytes_of(tokens_[text])).substr(nodes_[node].depth));
      tails_.push_back({tokens_[text], 0});
    }
    quotes_.push_back({node, first, static_cast<uint32_t>(tails_.size())});
  }
  std::vector<std::string_view>& sorted = tail_texts_;
  sorted = texts;
  sorted.emplace_back();  // behind a quote there is always the end of the token
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), texts[i]);
    tails_[i].text = static_cast<uint32_t>(found - sorted.begin());
  }
  tail_nodes_ = ByteTrie(sorted);
}

uint32_t TokenTrie::quote_at(uint32_t node) const {
  const auto found =
      std::lower_bound(quotes_.begin(), quotes_.end(), node,
                       [](const Quote& quote, uint32_t number) { return quote.node < number; });
  return static_cast<uint32_t>(found - quotes_.begin());
}

}  // namespace owl3
