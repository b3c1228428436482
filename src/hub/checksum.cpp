#include "hub/checksum.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/regular_file.h"
#include "core/sha256.h"

namespace owl3 {

namespace {

constexpr size_t kBlock = 64;

/// core's, as hubs write it.
class HexSha256 {
 public:
  void add(std::span<const std::byte> bytes) { hash_.add(bytes); }
  std::string hex() {
    std::string text;
    for (const uint8_t byte : hash_.finish()) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  Sha256 hash_;
};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

template <typename Hash>
std::string checksum_with(Hash hash, const std::filesystem::path& path, bool of_git_blob,
                          uint64_t size, const std::function<bool(uint64_t bytes)>& read) {
  const RegularFile file = RegularFile::open(path);
  if (of_git_blob) {
    const std::string head = fmt::format("blob {}", size);
    hash.add(std::as_bytes(std::span(head.c_str(), head.size() + 1)));  // the final 0 is part of it
  }
  std::vector<std::byte> buffer(1 << 20);
  while (size > 0) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(size, buffer.size()));
    const ssize_t count = ::read(file.descriptor(), buffer.data(), wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
    if (count == 0) break;  // shorter: another checksum
    hash.add(std::span(buffer).first(static_cast<size_t>(count)));
    if (!read(static_cast<uint64_t>(count))) return "";
    size -= static_cast<uint64_t>(count);
  }
  return hash.hex();
}

}  // namespace

void Sha1::add(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t size = bytes.size();
  size_t filled = static_cast<size_t>(bytes_ % kBlock);
  bytes_ += size;
  while (size > 0) {
    const size_t taken = std::min(size, kBlock - filled);
    std::memcpy(rest_.data() + filled, data, taken);
    filled = (filled + taken) % kBlock;
    data += taken;
    size -= taken;
    if (filled == 0) mix(rest_.data());
  }
}

std::string Sha1::hex() {
  const uint64_t bits = bytes_ * 8;
  const size_t rest = static_cast<size_t>(bytes_ % kBlock);
  std::vector<std::byte> end((kBlock * 2 - 9 - rest) % kBlock + 1);  // a bit, and zeros
  end.front() = std::byte{0x80};
  for (int shift = 56; shift >= 0; shift -= 8) end.push_back(static_cast<std::byte>(bits >> shift));
  add(end);
  std::string text;
  for (const uint32_t word : state_) text += fmt::format("{:08x}", word);
  return text;
}

void Sha1::mix(const uint8_t* block) {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; ++i) w[i] = big_endian(block + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = state_;
  for (size_t i = 0; i < 80; ++i) {
    const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                       : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                       : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                : (b ^ c ^ d) + 0xca62c1d6;
    const uint32_t next = std::rotl(a, 5) + f + e + w[i];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  const std::array<uint32_t, 5> sum = {a, b, c, d, e};
  for (size_t i = 0; i < sum.size(); ++i) state_[i] += sum[i];
}

bool is_checksum(const std::string& text) {
  return (text.size() == 64 || text.size() == 40) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string checksum_of(const std::filesystem::path& file, const std::string& expected,
                        uint64_t size, const std::function<bool(uint64_t bytes)>& read) {
  OWL3_CHECK(is_checksum(expected));
  return expected.size() == 64 ? checksum_with(HexSha256(), file, false, size, read)
                               : checksum_with(Sha1(), file, true, size, read);
}

}  // namespace owl3
