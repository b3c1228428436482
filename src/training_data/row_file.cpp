#include "training_data/row_file.h"

#include "core/error.h"
#include "training_data/sample_rows.h"

namespace owl3 {
namespace {

constexpr size_t kReleaseBytes = size_t{64} << 20;
/// What the kernel maps around a page that is read, and so the least that a row costs.
constexpr size_t kFaultBytes = size_t{64} << 10;

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
  release_now_and_then(row.size() + kFaultBytes);
  return row;
}

/// Pages let go of while another thread reads them are mapped again; they only cost their time.
void RowFile::release_now_and_then(size_t touched) const {
  if (touched_->fetch_add(touched, std::memory_order_relaxed) + touched < kReleaseBytes) return;
  touched_->store(0, std::memory_order_relaxed);
  release_mapped(file_->bytes().data(), file_->bytes().size());
}

std::string RowFile::where(int64_t index) const {
  const std::string line = fmt::format("{}:{}", file_->path().string(), index_.line(index));
  return index_.has_row_per_line() ? line : fmt::format("{}: row {}", line, index + 1);
}

}  // namespace owl3
