// The rows of a training file of any size: JSONL, or a JSON list. Memory holds only where each
// begins, and a bounded part of the file.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/mapped_file.h"
#include "training_data/row_index.h"

namespace owl3 {

/// Safe to use from several threads. Blank lines count only for the numbers of lines.
class RowFile {
 public:
  /// Passes once over the file. Throws InputError when it can't be read, has no row, or is no file
  /// of rows.
  static RowFile open(const std::filesystem::path& path);

  int64_t size() const { return index_.size(); }
  /// The text of a row. Throws InputError when it is longer than a sample may be.
  std::string_view row(int64_t index) const;
  /// "file.jsonl:17", the line as an editor counts; of a list "file.json:230: row 17".
  std::string where(int64_t index) const;
  int64_t bytes() const { return static_cast<int64_t>(file_->bytes().size()); }
  /// The whole file, mapped.
  std::span<const std::byte> content() const { return file_->bytes(); }

 private:
  RowFile(std::shared_ptr<const MappedFile> file, RowIndex index)
      : file_(std::move(file)), index_(std::move(index)) {}
  void release_now_and_then(size_t touched) const;

  std::shared_ptr<const MappedFile> file_;
  RowIndex index_;
  /// Bytes read since the file was last let go of.
  std::unique_ptr<std::atomic<size_t>> touched_ = std::make_unique<std::atomic<size_t>>(0);
};

}  // namespace owl3
