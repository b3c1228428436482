// A file on its way: pieces arrive in any order, and those that are there are known after any end
// of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace owl3 {

/// Of one piece, unless a fetch is told otherwise.
inline constexpr uint64_t kPieceBytes = 256 << 10;

/// The content, and behind it a byte per piece that is 1 when the piece is whole. Both are written
/// by the kernel in the order they were given to it, so that a killed process leaves no piece that
/// is said to be whole and isn't; what a power cut may leave of that kind, the checksum finds.
class PartFile {
 public:
  /// Opens what an earlier process left at that path, or begins anew where that is of another size.
  /// Takes the room on the disk at once. Throws InputError, of a full disk too.
  PartFile(std::filesystem::path path, uint64_t size, uint64_t piece_bytes);
  ~PartFile();
  PartFile(PartFile&& other) noexcept;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  uint64_t size() const { return size_; }
  size_t pieces() const { return whole_.size(); }
  bool is_whole(size_t piece) const { return whole_[piece]; }
  bool is_whole() const { return whole_bytes_ == size_; }
  uint64_t whole_bytes() const { return whole_bytes_; }
  uint64_t begin_of(size_t piece) const { return piece * piece_bytes_; }
  uint64_t end_of(size_t piece) const;
  size_t piece_at(uint64_t offset) const { return static_cast<size_t>(offset / piece_bytes_); }

  void write(uint64_t offset, std::span<const std::byte> bytes);
  void set_whole(size_t piece);
  /// As a file of the content alone, on the disk and under its final name.
  void finish(const std::filesystem::path& final);
  /// Forgets all pieces.
  void clear();

  /// The bytes of whole pieces in a part of a file that may be growing: its size, which is taken at
  /// once, says nothing. 0 where it cannot be read.
  static uint64_t arrived_bytes(const std::filesystem::path& path,
                                uint64_t piece_bytes = kPieceBytes);
  /// Makes a part of a file that holds the first bytes of the content, as other tools leave it.
  static void adopt_prefix(const std::filesystem::path& prefix, const std::filesystem::path& path,
                           uint64_t size, uint64_t piece_bytes);

 private:
  [[noreturn]] void fail(int error_number) const;
  void open();
  void read_pieces();
  void put(uint64_t offset, const void* data, size_t size) const;

  std::filesystem::path path_;
  uint64_t size_ = 0;
  uint64_t piece_bytes_ = 0;
  int descriptor_ = -1;
  std::vector<bool> whole_;
  uint64_t whole_bytes_ = 0;
};

}  // namespace owl3
