#include "hub/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <utility>

#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

size_t pieces_of(uint64_t size, uint64_t piece_bytes) {
  return static_cast<size_t>((size + piece_bytes - 1) / piece_bytes);
}

}  // namespace

PartFile::PartFile(fs::path path, uint64_t size, uint64_t piece_bytes)
    : path_(std::move(path)), size_(size), piece_bytes_(piece_bytes) {
  whole_.resize(pieces_of(size, piece_bytes));
  open();
  try {
    read_pieces();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)),
      size_(other.size_),
      piece_bytes_(other.piece_bytes_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      whole_(std::move(other.whole_)),
      whole_bytes_(other.whole_bytes_) {}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PartFile::fail(int error_number) const {
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  throw InputError(
      fmt::format("{}: {}{}", path_.string(), errno_text(error_number),
                  full ? "; what has arrived is kept: make room, then repeat the command" : ""));
}

void PartFile::open() {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor_ < 0) fail(errno);
}

uint64_t PartFile::end_of(size_t piece) const {
  return std::min(size_, (piece + 1) * piece_bytes_);
}

void PartFile::read_pieces() {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(errno);
  const auto found = static_cast<uint64_t>(status.st_size);
  if (found == size_ &&
      size_ > 0) {  // finish() was on its way; the checksum tells whether it may go on
    whole_.assign(whole_.size(), true);
    whole_bytes_ = size_;
    return;
  }
  const uint64_t all = size_ + whole_.size();
  if (found != all && ::ftruncate(descriptor_, 0) != 0) fail(errno);
  // File systems that can't set room aside tell of a full disk later.
  if (::fallocate(descriptor_, 0, 0, static_cast<off_t>(std::max<uint64_t>(all, 1))) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    fail(errno);
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(all)) != 0) fail(errno);
  std::string flags(whole_.size(), '\0');
  const ssize_t count = ::pread(descriptor_, flags.data(), flags.size(), static_cast<off_t>(size_));
  if (count != static_cast<ssize_t>(flags.size())) fail(count < 0 ? errno : EIO);
  for (size_t piece = 0; piece < whole_.size(); ++piece) {
    if (flags[piece] != 1) continue;
    whole_[piece] = true;
    whole_bytes_ += end_of(piece) - begin_of(piece);
  }
}

void PartFile::put(uint64_t offset, const void* data, size_t size) const {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    bytes += written;
    offset += static_cast<uint64_t>(written);
    size -= static_cast<size_t>(written);
  }
}

void PartFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  OWL3_CHECK(offset <= size_ && bytes.size() <= size_ - offset);
  put(offset, bytes.data(), bytes.size());
}

void PartFile::set_whole(size_t piece) {
  if (whole_[piece]) return;
  const char flag = 1;
  put(size_ + piece, &flag, 1);
  whole_[piece] = true;
  whole_bytes_ += end_of(piece) - begin_of(piece);
}

void PartFile::clear() {
  const std::string flags(whole_.size(), '\0');
  // Anew, as a file that finish() has cut has no flags.
  if (::ftruncate(descriptor_, 0) != 0) fail(errno);
  if (::ftruncate(descriptor_, static_cast<off_t>(size_ + flags.size())) != 0) fail(errno);
  whole_.assign(whole_.size(), false);
  whole_bytes_ = 0;
}

void PartFile::finish(const fs::path& final) {
  OWL3_CHECK(is_whole());
  if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) fail(errno);
  if (::fsync(descriptor_) != 0) fail(errno);
  std::error_code error;
  fs::rename(path_, final, error);
  if (error) throw InputError(fmt::format("{}: {}", final.string(), error.message()));
}

uint64_t PartFile::arrived_bytes(const fs::path& path, uint64_t piece_bytes) {
  std::error_code error;
  const uint64_t all = fs::file_size(path, error);
  if (error || all == 0) return 0;
  // content + flags == all, a flag for each piece that was begun
  const auto pieces = static_cast<size_t>((all + piece_bytes) / (piece_bytes + 1));
  const uint64_t size = all - pieces;
  std::string flags(pieces, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(size));
  if (!file.read(flags.data(), static_cast<std::streamsize>(pieces))) return 0;
  uint64_t bytes = 0;
  for (size_t piece = 0; piece < pieces; ++piece) {
    const bool is_flag = flags[piece] == 0 || flags[piece] == 1;
    if (!is_flag) return all;  // finish() has cut the flags off
    if (flags[piece] == 1) bytes += std::min(size, (piece + 1) * piece_bytes) - piece * piece_bytes;
  }
  return bytes;
}

void PartFile::adopt_prefix(const fs::path& prefix, const fs::path& path, uint64_t size,
                            uint64_t piece_bytes) {
  std::error_code error;
  const uint64_t bytes = fs::file_size(prefix, error);
  if (error || bytes > size || fs::exists(path, error)) return;
  const size_t whole =
      bytes == size ? pieces_of(size, piece_bytes) : static_cast<size_t>(bytes / piece_bytes);
  fs::rename(prefix, path, error);
  if (error || bytes == size) return;  // of its whole size: what finish() would leave
  // Grown by hand, so that it is not taken for a part of another size.
  if (::truncate(path.c_str(), static_cast<off_t>(size + pieces_of(size, piece_bytes))) != 0)
    return;
  PartFile part(path, size, piece_bytes);
  for (size_t piece = 0; piece < whole; ++piece) part.set_whole(piece);
}

}  // namespace owl3
