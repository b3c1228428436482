// Byte-level BPE from a Hugging Face tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"

namespace owl3 {

/// Encodes text to token ids and back, exactly as the file's normaliser, pattern, merges and added
/// tokens say. Immutable; safe to use from several threads.
class Tokenizer {
 public:
  /// Throws InputError when the file is missing, broken or of a kind other than byte-level BPE.
  /// `added_tokens` (a JSON list in the form of the file's own) stands in for the file's own.
  static Tokenizer from_file(const std::filesystem::path& path,
                             const std::filesystem::path& added_tokens = {});
  static Tokenizer from_json(std::string_view json, const std::string& name,
                             std::optional<std::string_view> added_tokens = std::nullopt);

  /// Added tokens that occur in the text are recognised, but for control tokens
  /// (AddedToken::is_control) in the `literal` ranges: what people write is text. No token is added
  /// around it. Invalid UTF-8 throws InputError.
  std::vector<int32_t> encode(std::string_view text, std::span<const TextRange> literal = {}) const;
  /// The same with no control token recognised anywhere in it.
  std::vector<int32_t> encode_words(std::string_view text) const;
  /// Special tokens are kept as their text; bytes that are not UTF-8 become U+FFFD.
  std::string decode(std::span<const int32_t> ids) const;
  /// The raw bytes of one token (maybe part of a character); empty for ids without a token.
  std::string_view bytes_of(int32_t id) const;
  std::optional<int32_t> id_of_added_token(std::string_view content) const;
  /// Whether the id is an added token flagged special.
  bool is_special(int32_t id) const;
  /// Largest id + 1.
  int32_t vocab_size() const;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace owl3
