#include "media/file_sieve.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <system_error>

#include "core/error.h"
#include "core/regular_file.h"
#include "media/image_kinds.h"
#include "media/natural_order.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

std::string reason_text(LeftOutReason reason, const std::string& extension, int64_t count) {
  const bool one = count == 1;
  const std::string files = fmt::format("{} {}{}{}", count, extension, extension.empty() ? "" : " ",
                                        one ? "file" : "files");
  switch (reason) {
    case LeftOutReason::kNoImage: {
      const std::string what = extension.empty() ? files + " without an extension" : files;
      return what + (one ? " is not an image" : " are not images");
    }
    case LeftOutReason::kFilm:
      return files + (one ? " is a film" : " are films");
    case LeftOutReason::kRawPhoto:
      return files +
             (one ? " is a raw photo, which is not read" : " are raw photos, which are not read");
    case LeftOutReason::kUnreadImage:
      return files + (one ? " is an image of a kind that is not read"
                          : " are images of a kind that is not read");
    case LeftOutReason::kUnreadable:
      return files + " cannot be opened";
    case LeftOutReason::kDanglingLink:
      return fmt::format("{} {}", count, one ? "link leads nowhere" : "links lead nowhere");
    case LeftOutReason::kSpecial:
      return fmt::format("{} {}", count,
                         one ? "is a pipe, socket or device" : "are pipes, sockets or devices");
    case LeftOutReason::kLinkToFolder:
      return fmt::format(
          "{} {}", count,
          one ? "link to a folder is not followed" : "links to folders are not followed");
    case LeftOutReason::kFolder:
      return fmt::format("{} {} not looked into", count, one ? "folder is" : "folders are");
    case LeftOutReason::kHidden:
      return files + (one ? " is hidden" : " are hidden");
  }
  return files;
}

bool is_utf8_extension(const std::string& extension) {
  constexpr size_t kLongest = 12;  // anything longer is a part of the name
  return extension.size() <= kLongest &&
         std::all_of(extension.begin(), extension.end(),
                     [](unsigned char c) { return c > ' ' && c < 0x7F; });
}

/// What tells an image, and a transport stream by three of its packets.
constexpr size_t kBeginning = 768;

/// The first bytes of a file; fewer where it has fewer. Throws InputError.
std::vector<std::byte> beginning_of(const fs::path& path) {
  std::vector<std::byte> beginning(kBeginning);
  const RegularFile file = RegularFile::open(path);
  const ssize_t count = ::pread(file.descriptor(), beginning.data(), beginning.size(), 0);
  if (count < 0) throw InputError(path.string() + ": cannot be read");
  beginning.resize(static_cast<size_t>(count));
  return beginning;
}

}  // namespace

bool is_film(const fs::path& path) {
  const FileKind kind = kind_by_name(path);
  if (kind == FileKind::kFilm || kind == FileKind::kImage) return kind == FileKind::kFilm;
  return !begins_like_an_image(beginning_of(path));
}

void FileSieve::add(const fs::path& path, const std::string& name) {
  if (is_hidden(name)) return leave_out(LeftOutReason::kHidden);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  switch (status.type()) {
    case fs::file_type::regular:
      return add_file(path);
    case fs::file_type::directory:
      return leave_out(LeftOutReason::kFolder);
    case fs::file_type::not_found:
      if (fs::is_symlink(fs::symlink_status(path, error))) leave_out(LeftOutReason::kDanglingLink);
      return;  // else it has vanished meanwhile
    case fs::file_type::none:
    case fs::file_type::unknown:
      return leave_out(LeftOutReason::kUnreadable);
    default:
      return leave_out(LeftOutReason::kSpecial);
  }
}

void FileSieve::add_file(const fs::path& path) {
  const FileKind kind = kind_by_name(path);
  if (kind == FileKind::kImage || (kind == FileKind::kFilm && films_)) {
    return files_.push_back(path);
  }
  std::string extension = lower_case(path.extension().string());
  if (!is_utf8_extension(extension)) extension.clear();
  if (kind == FileKind::kRawPhoto) return leave_out(LeftOutReason::kRawPhoto, extension);
  std::vector<std::byte> beginning;
  try {
    beginning = beginning_of(path);
  } catch (const InputError&) {
    return leave_out(LeftOutReason::kUnreadable);
  }
  if (begins_like_an_image(beginning)) return files_.push_back(path);
  const bool film = kind == FileKind::kFilm || is_film_of_shared_name(path, beginning);
  if (film && films_) return files_.push_back(path);
  leave_out(film                             ? LeftOutReason::kFilm
            : kind == FileKind::kUnreadImage ? LeftOutReason::kUnreadImage
                                             : LeftOutReason::kNoImage,
            extension);
}

std::vector<fs::path> FileSieve::files() {
  sort_naturally(files_);
  return std::move(files_);
}

std::vector<LeftOut> FileSieve::left_out(const std::string& where) const {
  std::vector<LeftOut> list;
  for (const auto& [what, count] : counts_) {
    list.push_back({where, count, reason_text(what.first, what.second, count)});
  }
  return list;
}

std::string FileSieve::why_nothing(const std::string& where) const {
  std::string text;
  for (const LeftOut& left_out : left_out(where)) {
    text += (text.empty() ? ": " : "; ") + left_out.reason;
  }
  return text;
}

}  // namespace owl3
