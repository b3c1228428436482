#include "hub/checksum.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/regular_file.h"

namespace owl3 {

namespace {

constexpr size_t kBlock = 64;

// FIPS 180-4, 4.2.2.
constexpr std::array<uint32_t, 64> kSha256 = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

template <typename Hash>
std::string checksum_with(Hash hash, const std::filesystem::path& path, bool of_git_blob,
                          uint64_t size, const std::function<bool(uint64_t bytes)>& read) {
  const RegularFile file = RegularFile::open(path);
  if (of_git_blob) {
    const std::string head = fmt::format("blob {}", size);
    hash.update(
        std::as_bytes(std::span(head.c_str(), head.size() + 1)));  // the final 0 is part of it
  }
  std::vector<std::byte> buffer(1 << 20);
  while (size > 0) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(size, buffer.size()));
    const ssize_t count = ::read(file.descriptor(), buffer.data(), wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
    if (count == 0) break;  // shorter: another checksum
    hash.update(std::span(buffer).first(static_cast<size_t>(count)));
    if (!read(static_cast<uint64_t>(count))) return "";
    size -= static_cast<uint64_t>(count);
  }
  return hash.hex();
}

}  // namespace

template <size_t kWords>
void BlockHash<kWords>::update(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t size = bytes.size();
  size_ += size;
  if (rest_size_ > 0) {
    const size_t taken = std::min(size, kBlock - rest_size_);
    std::memcpy(rest_.data() + rest_size_, data, taken);
    rest_size_ += taken;
    data += taken;
    size -= taken;
    if (rest_size_ < kBlock) return;
    add_blocks(state_, rest_.data(), 1);
  }
  add_blocks(state_, data, size / kBlock);
  rest_size_ = size % kBlock;
  if (rest_size_ > 0) std::memcpy(rest_.data(), data + size - rest_size_, rest_size_);
}

template <size_t kWords>
std::string BlockHash<kWords>::hex() {
  const uint64_t bits = size_ * 8;
  std::vector<std::byte> end((kBlock * 2 - 9 - rest_size_) % kBlock + 1);  // 1 bit, zeros
  end.front() = std::byte{0x80};
  for (int shift = 56; shift >= 0; shift -= 8) end.push_back(static_cast<std::byte>(bits >> shift));
  update(end);
  std::string text;
  for (const uint32_t word : state_) text += fmt::format("{:08x}", word);
  return text;
}

template class BlockHash<5>;
template class BlockHash<8>;

Sha256::Sha256()
    : BlockHash({0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                 0x5be0cd19}) {}

void Sha256::add_blocks(State& state, const uint8_t* blocks, size_t count) const {
  std::array<uint32_t, 64> w;
  for (; count > 0; --count, blocks += kBlock) {
    for (size_t i = 0; i < 16; ++i) w[i] = big_endian(blocks + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kSha256[i] + w[i];
      const uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const State sum = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < sum.size(); ++i) state[i] += sum[i];
  }
}

Sha1::Sha1() : BlockHash({0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}) {}

void Sha1::add_blocks(State& state, const uint8_t* blocks, size_t count) const {
  std::array<uint32_t, 80> w;
  for (; count > 0; --count, blocks += kBlock) {
    for (size_t i = 0; i < 16; ++i) w[i] = big_endian(blocks + 4 * i);
    for (size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = state;
    for (size_t i = 0; i < 80; ++i) {
      const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
      const uint32_t next = std::rotl(a, 5) + f + e + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    const State sum = {a, b, c, d, e};
    for (size_t i = 0; i < sum.size(); ++i) state[i] += sum[i];
  }
}

bool is_checksum(const std::string& text) {
  return (text.size() == 64 || text.size() == 40) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string checksum_of(const std::filesystem::path& file, const std::string& expected,
                        uint64_t size, const std::function<bool(uint64_t bytes)>& read) {
  OWL3_CHECK(is_checksum(expected));
  return expected.size() == 64 ? checksum_with(Sha256(), file, false, size, read)
                               : checksum_with(Sha1(), file, true, size, read);
}

}  // namespace owl3
