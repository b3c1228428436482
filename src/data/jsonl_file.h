// The lines of a JSONL file, of any size: memory holds only where each begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"

namespace owl3 {

/// Immutable; safe to use from several threads. Blank lines count only for the numbers of lines.
class JsonlFile {
 public:
  /// Passes once over the file. Throws InputError when it can't be read or has no line.
  static JsonlFile open(const std::filesystem::path& path);

  int64_t size() const { return static_cast<int64_t>(begins_.size()); }
  /// Without its line end. Throws InputError when it is longer than a sample may be.
  std::string_view line(int64_t index) const;
  /// "file.jsonl:17": the line as an editor counts.
  std::string where(int64_t index) const;
  int64_t bytes() const { return static_cast<int64_t>(file_->bytes().size()); }
  /// The whole file, mapped.
  std::span<const std::byte> content() const { return file_->bytes(); }

 private:
  explicit JsonlFile(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  std::shared_ptr<const MappedFile> file_;
  std::vector<uint64_t> begins_;
  std::vector<int64_t> after_blank_;  // the index of the line after each blank one, ascending
};

}  // namespace owl3
