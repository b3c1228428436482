#include "model/text_cache.h"

#include <algorithm>

namespace owl3 {

TextCache::TextCache(int64_t layers, int64_t key_value_heads, int64_t head_size, DType dtype)
    : layers_(static_cast<size_t>(layers)),
      key_value_heads_(key_value_heads),
      head_size_(head_size),
      dtype_(dtype) {}

size_t TextCache::bytes() const {
  size_t total = 0;
  for (const Layer& layer : layers_) {
    for (const KeyValueBlock& page : layer.pages) {
      total += page.bytes();
    }
  }
  return total;
}

void TextCache::append(Backend& backend, int64_t layer_index, const Tensor& keys,
                       const Tensor& values) {
  Layer& layer = layers_.at(static_cast<size_t>(layer_index));
  std::vector<KeyValueBlock>& pages = layer.pages;
  const int64_t tokens = keys.dim(0);
  for (int64_t done = 0; done < tokens;) {
    if (pages.empty() || pages.back().count == kPageTokens) {
      pages.push_back(backend.new_block(key_value_heads_, kPageTokens, head_size_, dtype_));
    } else if (layer.shares_last_page) {
      pages.back() = backend.copy(pages.back());
    }
    layer.shares_last_page = false;
    KeyValueBlock& page = pages.back();
    const int64_t fitting = std::min(tokens - done, kPageTokens - page.count);
    backend.append(page, keys.rows(done, done + fitting), values.rows(done, done + fitting));
    done += fitting;
  }
  if (static_cast<size_t>(layer_index) + 1 == layers_.size()) length_ += tokens;
}

void TextCache::truncate(int64_t length) {
  OWL3_CHECK(length >= 0 && length <= length_);
  const int64_t full = length / kPageTokens;
  const int64_t rest = length % kPageTokens;
  for (Layer& layer : layers_) {
    layer.pages.resize(static_cast<size_t>(full + (rest > 0 ? 1 : 0)));
    layer.shares_last_page = rest > 0;
    if (rest > 0) layer.pages.back().count = rest;
  }
  length_ = length;
}

TextCache TextCache::fork() const {
  TextCache copy = *this;
  copy.truncate(length_);
  return copy;
}

}  // namespace owl3
