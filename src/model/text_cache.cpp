#include "model/text_cache.h"

#include <algorithm>

namespace owl3 {

TextCache::TextCache(int64_t layers, int64_t key_value_heads, int64_t head_size, DType dtype,
                     int64_t page_tokens)
    : layers_(static_cast<size_t>(layers)),
      key_value_heads_(key_value_heads),
      head_size_(head_size),
      dtype_(dtype),
      page_tokens_(page_tokens) {}

size_t TextCache::bytes() const {
  size_t total = 0;
  for (const Layer& layer : layers_) {
    for (const KeyValueBlock& page : layer.pages) {
      total += page.bytes();
    }
  }
  return total;
}

bool TextCache::page_is_closed(const std::vector<KeyValueBlock>& pages) const {
  return pages.size() == beginning_pages_ || pages.back().count == page_tokens_;
}

bool TextCache::has_room_in_place() const {
  return std::none_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
    return layer.shares_last_page || page_is_closed(layer.pages);
  });
}

void TextCache::append(Backend& backend, int64_t layer_index, const Tensor& keys,
                       const Tensor& values) {
  Layer& layer = layers_.at(static_cast<size_t>(layer_index));
  std::vector<KeyValueBlock>& pages = layer.pages;
  const int64_t tokens = keys.dim(0);
  for (int64_t done = 0; done < tokens;) {
    if (page_is_closed(pages)) {
      pages.push_back(backend.new_block(key_value_heads_, page_tokens_, head_size_, dtype_));
    } else if (layer.shares_last_page) {
      pages.back() = backend.copy(pages.back());
    }
    layer.shares_last_page = false;
    KeyValueBlock& page = pages.back();
    const int64_t fitting = std::min(tokens - done, page_tokens_ - page.count);
    backend.append(page, keys.rows(done, done + fitting), values.rows(done, done + fitting));
    done += fitting;
  }
  if (static_cast<size_t>(layer_index) + 1 == layers_.size()) length_ += tokens;
}

void TextCache::adopt_page(std::span<const KeyValueBlock> page) {
  OWL3_CHECK(page.size() == layers_.size() && length_ % page_tokens_ == 0 && forgotten_ == 0);
  for (size_t i = 0; i < page.size(); ++i) {
    OWL3_CHECK(page[i].count == page_tokens_ && page[i].capacity == page_tokens_);
    layers_[i].pages.push_back(page[i]);
  }
  length_ += page_tokens_;
}

void TextCache::truncate(int64_t length) {
  OWL3_CHECK(length >= 0 && length <= length_);
  const int64_t before = beginning_tokens_ + forgotten_;
  if (forgotten_ == 0 && length < beginning_tokens_) {
    beginning_pages_ = 0;  // all pages but the last of it are full
    beginning_tokens_ = 0;
    return truncate(length);
  }
  OWL3_CHECK(length >= before);
  const int64_t full = (length - before) / page_tokens_;
  const int64_t rest = (length - before) % page_tokens_;
  for (Layer& layer : layers_) {
    layer.pages.resize(beginning_pages_ + static_cast<size_t>(full + (rest > 0 ? 1 : 0)));
    layer.shares_last_page = rest > 0;
    if (rest > 0) layer.pages.back().count = rest;
  }
  length_ = length;
}

void TextCache::keep_beginning() {
  OWL3_CHECK(forgotten_ == 0);
  beginning_tokens_ = length_;
  beginning_pages_ = layers_.front().pages.size();
}

void TextCache::forget(int64_t first_kept) {
  OWL3_CHECK(first_kept <= length_);
  const int64_t before = beginning_tokens_ + forgotten_;
  const int64_t going = std::max<int64_t>(0, first_kept - before) / page_tokens_;
  for (Layer& layer : layers_) {
    const auto first = layer.pages.begin() + static_cast<std::ptrdiff_t>(beginning_pages_);
    layer.pages.erase(first, first + static_cast<std::ptrdiff_t>(going));
  }
  forgotten_ += going * page_tokens_;
}

TextCache TextCache::fork() const {
  TextCache copy = *this;
  copy.truncate(length_);
  return copy;
}

}  // namespace owl3
