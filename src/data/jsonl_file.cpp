#include "data/jsonl_file.h"

#include <algorithm>

#include "core/error.h"
#include "data/sample.h"

namespace owl3 {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kReleaseBytes = size_t{64} << 20;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

JsonlFile JsonlFile::open(const std::filesystem::path& path) {
  JsonlFile lines(MappedFile::open(path));
  const std::string_view text = text_of(*lines.file_);
  size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  size_t released = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = without_return(text.substr(begin, end - begin));
    if (line.find_first_not_of(" \t") == line.npos) {
      lines.after_blank_.push_back(lines.size());
    } else {
      lines.begins_.push_back(begin);
    }
    begin = end + 1;
    if (end - released >= kReleaseBytes) {
      release_mapped(text.data() + released, end - released);
      released = end;
    }
  }
  if (lines.begins_.empty())
    throw InputError(fmt::format("{}: the file has no rows", path.string()));
  return lines;
}

std::string_view JsonlFile::line(int64_t index) const {
  const std::string_view rest = text_of(*file_).substr(begins_.at(static_cast<size_t>(index)));
  const std::string_view line = without_return(rest.substr(0, rest.find('\n')));
  if (line.size() > kMaxSampleBytes) {
    throw InputError(fmt::format("{}: the line has {} bytes; at most {} are read", where(index),
                                 line.size(), kMaxSampleBytes));
  }
  return line;
}

std::string JsonlFile::where(int64_t index) const {
  const auto blanks =
      std::upper_bound(after_blank_.begin(), after_blank_.end(), index) - after_blank_.begin();
  return fmt::format("{}:{}", file_->path().string(), index + 1 + blanks);
}

}  // namespace owl3
