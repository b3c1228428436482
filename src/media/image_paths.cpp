// Files, folders and globs as lists of image files in the order a person expects.
#include <glob.h>

#include <algorithm>
#include <string_view>

#include "core/api_call.h"
#include "core/error.h"
#include "core/regular_file.h"
#include "media/file_sieve.h"
#include "media/image_kinds.h"
#include "owl3/image_files.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWildcards = "*?[";

/// What is looked for in folders, and said where there is none.
struct Wanted {
  bool films = false;
  const char* in_folder = "no image files in this folder";
  const char* by_pattern = "no image file matches this pattern";
};

void append(ImageFiles& found, FileSieve& sieve, const std::string& argument,
            std::string_view nothing) {
  const std::vector<fs::path> images = sieve.files();
  if (images.empty()) {
    throw InputError(fmt::format("{}: {}{}", argument, nothing, sieve.why_nothing(argument)));
  }
  found.files.insert(found.files.end(), images.begin(), images.end());
  const std::vector<LeftOut> left_out = sieve.left_out(argument);
  found.left_out.insert(found.left_out.end(), left_out.begin(), left_out.end());
}

void add_folder(ImageFiles& found, const std::string& folder, const Wanted& wanted) {
  FileSieve sieve(wanted.films);
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

std::vector<fs::path> matches_of(const std::string& pattern, int flags) {
  struct Matches : glob_t {
    Matches() : glob_t{} {}
    ~Matches() { globfree(this); }
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
  } matches;
  if (::glob(pattern.c_str(), flags, nullptr, &matches) != 0) return {};
  return {matches.gl_pathv, matches.gl_pathv + matches.gl_pathc};
}

bool has_wildcards(const fs::path& path) {
  return path.string().find_first_of(kWildcards) != std::string::npos;
}

/// glob() passes over folders that can't be read: what lies in them would be missing silently.
void check_folders_of(const std::string& pattern) {
  const fs::path folder = fs::path(pattern).parent_path();
  if (!has_wildcards(folder)) return;
  check_folders_of(folder.string());
  if (!has_wildcards(fs::path(pattern).filename())) return;  // looked for by its name
  for (const fs::path& match : matches_of(folder.string(), GLOB_NOSORT)) {
    std::error_code error;
    if (is_hidden(hidden_part(match, folder.string())) || !fs::is_directory(match, error)) continue;
    const fs::directory_iterator entries(match, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      throw InputError(fmt::format("{}: {}: {}", pattern, match.string(), error.message()));
    }
  }
}

void add_matches(ImageFiles& found, const std::string& pattern, const Wanted& wanted) {
  const fs::path folder = fs::path(pattern).parent_path();
  const std::string last = fs::path(pattern).filename().string();
  // Hidden files are counted as in a folder, but for patterns that ask for them. In the folders'
  // part of a pattern the flag would match "." and "..".
  const bool plain_folder = !has_wildcards(folder);
  check_folders_of(pattern);
  FileSieve sieve(wanted.films);
  const bool wants_hidden = last.starts_with('.');
  size_t files = 0;
  for (const fs::path& match :
       matches_of(pattern, GLOB_NOSORT | (plain_folder ? GLOB_PERIOD : 0))) {
    const std::string name = match.filename().string();
    if (name == "." || name == "..") continue;
    ++files;
    sieve.add(match, wants_hidden && name.starts_with('.') ? "" : hidden_part(match, pattern));
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
