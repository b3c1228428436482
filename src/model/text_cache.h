// The decoder's keys and values of the text so far: pages per layer, so that a conversation grows
// without copying and a fork shares all full pages with its origin. Whole pages can be forgotten,
// between a beginning that stays and what came last.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"

namespace owl3 {

class TextCache {
 public:
  static constexpr int64_t kPageTokens = 256;

  TextCache(int64_t layers, int64_t key_value_heads, int64_t head_size, DType dtype,
            int64_t page_tokens = kPageTokens);

  /// Tokens that were read, those forgotten among them: the position of the next one.
  int64_t length() const { return length_; }
  /// Of these, tokens whose keys and values are not there any more.
  int64_t forgotten() const { return forgotten_; }
  size_t bytes() const;
  /// Appends rotated keys and values [T, Hkv, d] of one layer. The length grows when the last layer
  /// has appended.
  void append(Backend& backend, int64_t layer, const Tensor& keys, const Tensor& values);
  std::span<const KeyValueBlock> pages(int64_t layer) const { return layers_[layer].pages; }
  /// Whether the next token is written into pages that are there, and this text's alone.
  bool has_room_in_place() const;
  DType dtype() const { return dtype_; }
  int64_t layers() const { return static_cast<int64_t>(layers_.size()); }
  /// Appends a page that was filled elsewhere, of every layer, behind full ones. It is never
  /// written to: when truncate() leaves it the last and not full, growing copies it.
  void adopt_page(std::span<const KeyValueBlock> page);
  /// Forgets everything from token `length` on, of layers ahead of the others too: what an append()
  /// that threw has left. Allocates nothing, so that it may be called when there is no memory. What
  /// forget() has taken, or stands before it, can't be cut into.
  void truncate(int64_t length);
  /// What was read so far is the beginning that stays: it has its pages to itself, and forget()
  /// leaves it.
  void keep_beginning();
  /// Forgets the oldest text behind the beginning, by whole pages, none of which has the token
  /// `first_kept` or a later one. The others keep their positions.
  void forget(int64_t first_kept);
  /// A cache with the same contents that grows on its own; only the last, unfilled pages are copied
  /// when it does.
  TextCache fork() const;

 private:
  struct Layer {
    std::vector<KeyValueBlock> pages;
    bool shares_last_page = false;  // perhaps with its origin: copied before it is written
  };

  bool page_is_closed(const std::vector<KeyValueBlock>& pages) const;

  std::vector<Layer> layers_;
  int64_t key_value_heads_;
  int64_t head_size_;
  DType dtype_;
  int64_t page_tokens_;
  int64_t length_ = 0;
  int64_t forgotten_ = 0;
  size_t beginning_pages_ = 0;
  int64_t beginning_tokens_ = 0;
};

}  // namespace owl3
