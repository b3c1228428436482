#include "data/row_file.h"

#include "core/error.h"
#include "data/sample_rows.h"

namespace owl3 {
namespace {

constexpr size_t kReleaseBytes = size_t{64} << 20;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

RowFile RowFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const std::string_view text = text_of(*file);
  size_t released = 0;
  const auto release = [&](size_t position) {
    if (position - released < kReleaseBytes) return;
    release_mapped(text.data() + released, position - released);
    released = position;
  };
  RowIndex index = RowIndex::of(text, path.string(), release);
  return RowFile(std::move(file), std::move(index));
}

std::string_view RowFile::row(int64_t index) const {
  const std::string_view row = index_.row(text_of(*file_), index);
  if (row.size() > kMaxSampleBytes) {
    throw InputError(fmt::format("{}: the {} has {} bytes; at most {} are read", where(index),
                                 index_.has_row_per_line() ? "line" : "row", row.size(),
                                 kMaxSampleBytes));
  }
  return row;
}

std::string RowFile::where(int64_t index) const {
  const std::string line = fmt::format("{}:{}", file_->path().string(), index_.line(index));
  return index_.has_row_per_line() ? line : fmt::format("{}: row {}", line, index + 1);
}

}  // namespace owl3
