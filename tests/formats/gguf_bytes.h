// GGUF files made by hand, byte by byte, for tests of the reader.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

class GgufBytes {
 public:
  template <typename Number>
  GgufBytes& put(Number number) {
    text_.append(reinterpret_cast<const char*>(&number), sizeof number);
    return *this;
  }
  GgufBytes& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  GgufBytes& string(std::string_view text) { return put(uint64_t{text.size()}).raw(text); }

  GgufBytes& header(uint64_t tensors, uint64_t values, uint32_t version = 3) {
    return raw("GGUF").put(version).put(tensors).put(values);
  }
  GgufBytes& text_value(std::string_view key, std::string_view value) {
    return string(key).put(uint32_t{8}).string(value);
  }
  GgufBytes& u32_value(std::string_view key, uint32_t value) {
    return string(key).put(uint32_t{4}).put(value);
  }
  /// `dimensions` in the file's order, the fastest first.
  GgufBytes& tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                    uint64_t offset) {
    string(name).put(static_cast<uint32_t>(dimensions.size()));
    for (const uint64_t size : dimensions) put(size);
    return put(type).put(offset);
  }
  /// Pads to the alignment, and appends data.
  GgufBytes& data(size_t bytes, size_t alignment = 32) {
    text_.resize((text_.size() + alignment - 1) / alignment * alignment);
    for (size_t i = 0; i < bytes; ++i) text_ += static_cast<char>(i);
    return *this;
  }

  const std::string& text() const { return text_; }
  std::vector<std::byte> bytes() const {
    const auto* first = reinterpret_cast<const std::byte*>(text_.data());
    return {first, first + text_.size()};
  }

 private:
  std::string text_;
};

}  // namespace owl3
