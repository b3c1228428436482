// Files, folders and globs as lists of image files in the order a person expects.
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <map>
#include <string_view>
#include <tuple>

#include "core/api_call.h"
#include "core/error.h"
#include "core/regular_file.h"
#include "media/image_kinds.h"
#include "media/natural_order.h"
#include "owl3/image_files.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWildcards = "*?[";

/// Why a file is left out. The order is that of the telling.
enum class Reason {
  kNoImage,
  kFilm,
  kRawPhoto,
  kUnreadImage,
  kUnreadable,
  kDanglingLink,
  kSpecial,
  kFolder,
  kHidden
};

std::string reason_text(Reason reason, const std::string& extension, int64_t count) {
  const bool one = count == 1;
  const std::string files = fmt::format("{} {}{}{}", count, extension, extension.empty() ? "" : " ",
                                        one ? "file" : "files");
  switch (reason) {
    case Reason::kNoImage: {
      const std::string what = extension.empty() ? files + " without an extension" : files;
      return what + (one ? " is not an image" : " are not images");
    }
    case Reason::kFilm:
      return files + (one ? " is a film" : " are films");
    case Reason::kRawPhoto:
      return files +
             (one ? " is a raw photo, which is not read" : " are raw photos, which are not read");
    case Reason::kUnreadImage:
      return files + (one ? " is an image of a kind that is not read"
                          : " are images of a kind that is not read");
    case Reason::kUnreadable:
      return files + " cannot be opened";
    case Reason::kDanglingLink:
      return fmt::format("{} {}", count, one ? "link leads nowhere" : "links lead nowhere");
    case Reason::kSpecial:
      return fmt::format("{} {}", count,
                         one ? "is a pipe, socket or device" : "are pipes, sockets or devices");
    case Reason::kFolder:
      return fmt::format("{} {} not looked into", count, one ? "folder is" : "folders are");
    case Reason::kHidden:
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

/// What is looked for in folders, and said where there is none.
struct Wanted {
  bool films = false;
  const char* in_folder = "no image files in this folder";
  const char* by_pattern = "no image file matches this pattern";
};

/// Sorts what a folder or pattern holds into what is wanted and the rest.
class Sieve {
 public:
  explicit Sieve(const Wanted& wanted) : wanted_(wanted) {}

  /// `name` is how the file is called where hidden ones are told by their names.
  void add(const fs::path& path, const std::string& name) {
    if (is_hidden(name)) return leave_out(Reason::kHidden);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    switch (status.type()) {
      case fs::file_type::regular:
        return add_file(path);
      case fs::file_type::directory:
        return leave_out(Reason::kFolder);
      case fs::file_type::not_found:
        if (fs::is_symlink(fs::symlink_status(path, error))) leave_out(Reason::kDanglingLink);
        return;  // else it has vanished meanwhile
      case fs::file_type::none:
      case fs::file_type::unknown:
        return leave_out(Reason::kUnreadable);
      default:
        return leave_out(Reason::kSpecial);
    }
  }

  std::vector<fs::path> images() {
    sort_naturally(images_);
    return std::move(images_);
  }

  std::vector<LeftOut> left_out(const std::string& where) const {
    std::vector<LeftOut> list;
    for (const auto& [what, count] : counts_) {
      list.push_back({where, count, reason_text(what.first, what.second, count)});
    }
    return list;
  }

  /// ": 2 .txt files are not images; ...", or nothing.
  std::string why_nothing(const std::string& where) const {
    std::string text;
    for (const LeftOut& left_out : left_out(where)) {
      text += (text.empty() ? ": " : "; ") + left_out.reason;
    }
    return text;
  }

 private:
  void leave_out(Reason reason, const std::string& extension = "") {
    ++counts_[{reason, extension}];
  }

  void add_file(const fs::path& path) {
    const FileKind kind = kind_by_name(path);
    if (kind == FileKind::kImage || (kind == FileKind::kFilm && wanted_.films)) {
      return images_.push_back(path);
    }
    std::string extension = lower_case(path.extension().string());
    if (!is_utf8_extension(extension)) extension.clear();
    if (kind == FileKind::kRawPhoto) return leave_out(Reason::kRawPhoto, extension);
    std::array<std::byte, 32> beginning{};
    ssize_t count = 0;
    try {
      const RegularFile file = RegularFile::open(path);
      count = ::pread(file.descriptor(), beginning.data(), beginning.size(), 0);
    } catch (const InputError&) {
      count = -1;
    }
    if (count < 0) return leave_out(Reason::kUnreadable);
    if (begins_like_an_image(std::span(beginning).first(static_cast<size_t>(count)))) {
      return images_.push_back(path);
    }
    leave_out(kind == FileKind::kFilm          ? Reason::kFilm
              : kind == FileKind::kUnreadImage ? Reason::kUnreadImage
                                               : Reason::kNoImage,
              extension);
  }

  Wanted wanted_;
  std::vector<fs::path> images_;
  std::map<std::pair<Reason, std::string>, int64_t> counts_;
};

void append(ImageFiles& found, Sieve& sieve, const std::string& argument,
            std::string_view nothing) {
  const std::vector<fs::path> images = sieve.images();
  if (images.empty()) {
    throw InputError(fmt::format("{}: {}{}", argument, nothing, sieve.why_nothing(argument)));
  }
  found.files.insert(found.files.end(), images.begin(), images.end());
  const std::vector<LeftOut> left_out = sieve.left_out(argument);
  found.left_out.insert(found.left_out.end(), left_out.begin(), left_out.end());
}

void add_folder(ImageFiles& found, const std::string& folder, const Wanted& wanted) {
  Sieve sieve(wanted);
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    sieve.add(entry->path(), entry->path().filename().string());
  }
  if (error) throw InputError(fmt::format("{}: {}", folder, error.message()));
  append(found, sieve, folder, wanted.in_folder);
}

/// Whether the pattern speaks of the part of a path itself, not by wildcards.
bool names(const std::string& pattern, const std::string& part) {
  return ("/" + pattern + "/").find("/" + part + "/") != std::string::npos;
}

/// What of a match a wildcard has found may be a hidden folder, such as "@eaDir" in "*/*.jpg".
std::string hidden_part(const fs::path& match, const std::string& pattern) {
  for (const fs::path& part : match) {
    if (is_hidden(part.string()) && part != "." && part != ".." && !names(pattern, part.string())) {
      return part.string();
    }
  }
  return match.filename().string();
}

void add_matches(ImageFiles& found, const std::string& pattern, const Wanted& wanted) {
  struct Matches : glob_t {
    Matches() : glob_t{} {}
    ~Matches() { globfree(this); }
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
  } matches;
  const fs::path folder = fs::path(pattern).parent_path();
  const std::string last = fs::path(pattern).filename().string();
  // Hidden files are counted as in a folder, but for patterns that ask for them. In the folders'
  // part of a pattern the flag would match "." and "..".
  const bool plain_folder = folder.string().find_first_of(kWildcards) == std::string::npos;
  const int flags = GLOB_NOSORT | (plain_folder ? GLOB_PERIOD : 0);
  Sieve sieve(wanted);
  const bool wants_hidden = last.starts_with('.');
  size_t files = 0;
  if (::glob(pattern.c_str(), flags, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) {
      const fs::path match = matches.gl_pathv[i];
      const std::string name = match.filename().string();
      if (name == "." || name == "..") continue;
      ++files;
      sieve.add(match, wants_hidden && name.starts_with('.') ? "" : hidden_part(match, pattern));
    }
  }
  if (files == 0) {
    std::error_code error;
    if (plain_folder) fs::directory_iterator(folder.empty() ? fs::path(".") : folder, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      throw InputError(fmt::format("{}: {}: {}", pattern, folder.string(), error.message()));
    }
    throw InputError(fmt::format("{}: no file matches this pattern", pattern));
  }
  append(found, sieve, pattern, wanted.by_pattern);
}

/// Data and addresses, where a program gives what another interface wants.
void check_is_file_name(const std::string& text) {
  constexpr size_t kLongestShown = 40;
  constexpr size_t kShortestData = 200;  // a name's part has at most 255 bytes
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n";
  const std::string scheme = lower_case(text.substr(0, 8));
  if (scheme.starts_with("http://") || scheme.starts_with("https://")) {
    throw InputError(fmt::format("{}: an address; only files are read: fetch it first", text));
  }
  const bool is_data =
      scheme.starts_with("data:") ||
      (text.size() >= kShortestData && text.find_first_not_of(kBase64) == std::string::npos);
  if (!is_data) return;
  throw InputError(fmt::format(
      "\"{}{}\" is image data, not the name of a file: write it to a file and give its name",
      text.substr(0, kLongestShown), text.size() > kLongestShown ? "..." : ""));
}

void add_argument(ImageFiles& found, const std::string& argument, const Wanted& wanted = {}) {
  if (argument.empty()) throw InputError("the name of an image or film is empty");
  std::error_code error;
  const fs::file_status status = fs::status(argument, error);
  if (fs::is_directory(status)) return add_folder(found, argument, wanted);
  std::error_code ignored;
  // A link that leads nowhere is there: whoever reads it says what is wrong.
  if (fs::exists(status) || fs::is_symlink(fs::symlink_status(argument, ignored))) {
    found.files.emplace_back(argument);
    return;
  }
  check_is_file_name(argument);
  if (argument.find_first_of(kWildcards) != std::string::npos) {
    return add_matches(found, argument, wanted);
  }
  const bool missing = status.type() == fs::file_type::not_found;
  if (missing) throw MissingFile(fmt::format("{}: no such file or folder", argument), argument);
  throw InputError(fmt::format("{}: {}", argument, error.message()));
}

/// A file that the name doesn't tell of, and that doesn't begin like an image, is tried as a film.
bool is_film(const fs::path& path) {
  const FileKind kind = kind_by_name(path);
  if (kind == FileKind::kFilm || kind == FileKind::kImage) return kind == FileKind::kFilm;
  std::array<std::byte, 32> beginning{};
  const RegularFile file = RegularFile::open(path);
  const ssize_t count = ::pread(file.descriptor(), beginning.data(), beginning.size(), 0);
  return !begins_like_an_image(
      std::span(beginning).first(static_cast<size_t>(std::max<ssize_t>(count, 0))));
}

}  // namespace

MediaFiles find_media_files(const std::vector<std::string>& arguments) {
  constexpr Wanted kMedia = {true, "no image files or films in this folder",
                             "no image file or film matches this pattern"};
  return api_call([&] {
    MediaFiles media;
    for (const std::string& argument : arguments) {
      ImageFiles found;
      add_argument(found, argument, kMedia);
      for (fs::path& path : found.files) {
        const bool film = is_film(path);
        media.files.push_back({film, std::move(path), argument});
      }
      media.left_out.insert(media.left_out.end(), found.left_out.begin(), found.left_out.end());
    }
    return media;
  });
}

ImageFiles find_image_files(const std::vector<std::string>& arguments) {
  return api_call([&] {
    ImageFiles found;
    for (const std::string& argument : arguments) add_argument(found, argument);
    return found;
  });
}

}  // namespace owl3
