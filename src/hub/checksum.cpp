#include "hub/checksum.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/error.h"
#include "core/regular_file.h"
#include "core/sha.h"

namespace owl3 {

namespace {

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
  return hex_text(hash.finish());
}

}  // namespace

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
