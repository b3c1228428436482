// The decoder's keys and values of the text so far: pages per layer, so that a conversation grows
// without copying and a fork shares all full pages with its origin.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"

namespace owl3 {

class TextCache {
 public:
  static constexpr int64_t kPageTokens = 256;

  TextCache(int64_t layers, int64_t key_value_heads, int64_t head_size, DType dtype);

  /// Tokens in the cache.
  int64_t length() const { return length_; }
  size_t bytes() const;
  /// Appends rotated keys and values [T, Hkv, d] of one layer. The length grows when the last layer
  /// has appended.
  void append(Backend& backend, int64_t layer, const Tensor& keys, const Tensor& values);
  std::span<const KeyValueBlock> pages(int64_t layer) const { return layers_[layer].pages; }
  /// Forgets everything from token `length` on, of layers ahead of the others too: what an append()
  /// that threw has left. Allocates nothing, so that it may be called when there is no memory.
  void truncate(int64_t length);
  /// A cache with the same contents that grows on its own; only the last, unfilled pages are copied
  /// when it does.
  TextCache fork() const;

 private:
  struct Layer {
    std::vector<KeyValueBlock> pages;
    bool shares_last_page = false;  // perhaps with its origin: copied before it is written
  };

  std::vector<Layer> layers_;
  int64_t key_value_heads_;
  int64_t head_size_;
  DType dtype_;
  int64_t length_ = 0;
};

}  // namespace owl3
