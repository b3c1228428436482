#include "core/sha.h"

namespace owl3 {

namespace {

const uint8_t* data_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

}  // namespace

Sha1::Sha1() {
  sha1_init(&context_);
}

void Sha1::add(std::span<const std::byte> bytes) {
  sha1_update(&context_, bytes.size(), data_of(bytes));
}

Sha1::Digest Sha1::finish() {
  Digest digest;
  sha1_digest(&context_, digest.size(), digest.data());
  return digest;
}

Sha256::Sha256() {
  sha256_init(&context_);
}

void Sha256::add(std::span<const std::byte> bytes) {
  sha256_update(&context_, bytes.size(), data_of(bytes));
}

Sha256::Digest Sha256::finish() {
  Digest digest;
  sha256_digest(&context_, digest.size(), digest.data());
  return digest;
}

std::string hex_text(std::span<const uint8_t> digest) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

}  // namespace owl3
