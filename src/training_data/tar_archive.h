// Media in an uncompressed tar archive: tens of thousands of small pictures as one file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/mapped_file.h"

namespace owl3 {

/// Where an archived file's bytes lie in the archive.
struct TarEntry {
  size_t offset = 0;
  size_t size = 0;
};
using TarIndex = std::unordered_map<std::string, TarEntry>;

/// The regular files of a tar archive, by name (without a leading "./"); of two with one name the
/// later counts, as tar has it. Reads POSIX ustar and pax, and GNU's long names. Throws InputError,
/// beginning with `name`, for what is none, for a damaged header, and when the archive is cut off.
TarIndex read_tar_index(std::span<const std::byte> bytes, const std::string& name);

/// A memory-mapped archive. Immutable; safe to use from several threads.
class TarArchive {
 public:
  static std::shared_ptr<const TarArchive> open(const std::filesystem::path& path);

  /// The bytes of an archived file, valid as long as the archive; nothing when there is none.
  std::optional<std::span<const std::byte>> find(const std::string& name) const;
  size_t size() const { return index_.size(); }

 private:
  TarArchive(std::shared_ptr<const MappedFile> file, TarIndex index)
      : file_(std::move(file)), index_(std::move(index)) {}

  std::shared_ptr<const MappedFile> file_;
  TarIndex index_;
};

}  // namespace owl3
