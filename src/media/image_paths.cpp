// Files, folders and globs as lists of image files in the order a person expects.
#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/error.h"
#include "media/image.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool has_image_extension(const fs::path& path) {
  constexpr std::array<std::string_view, 17> kExtensions = {
      ".jpg", ".jpeg", ".jpe",  ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp",
      ".dib", ".tif",  ".tiff", ".avif", ".jp2", ".tga",  ".ppm",  ".pgm"};
  const std::string extension = lower(path.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

size_t digits_at(const std::string& text, size_t at) {
  size_t end = at;
  while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
  return end - at;
}

/// Natural order: runs of digits compare as numbers of any length, letters without their case.
int compare_natural(const std::string& a, const std::string& b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    size_t digits_a = digits_at(a, i);
    size_t digits_b = digits_at(b, j);
    if (digits_a > 0 && digits_b > 0) {
      while (digits_a > 1 && a[i] == '0') ++i, --digits_a;
      while (digits_b > 1 && b[j] == '0') ++j, --digits_b;
      if (digits_a != digits_b) return digits_a < digits_b ? -1 : 1;
      if (const int order = a.compare(i, digits_a, b, j, digits_b); order != 0) return order;
      i += digits_a;
      j += digits_b;
      continue;
    }
    const int letter_a = std::tolower(static_cast<unsigned char>(a[i++]));
    const int letter_b = std::tolower(static_cast<unsigned char>(b[j++]));
    if (letter_a != letter_b) return letter_a < letter_b ? -1 : 1;
  }
  return static_cast<int>(i < a.size()) - static_cast<int>(j < b.size());
}

void sort_naturally(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) {
    const int order = compare_natural(a.string(), b.string());
    return order != 0 ? order < 0 : a < b;  // "01.png" and "1.png" need some order too
  });
}

std::vector<fs::path> images_in_folder(const fs::path& folder) {
  std::vector<fs::path> images;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && has_image_extension(entry->path())) {
      images.push_back(entry->path());
    }
  }
  if (error) throw InputError(fmt::format("{}: {}", folder.string(), error.message()));
  if (images.empty()) {
    throw InputError(fmt::format("{}: no image files in this folder", folder.string()));
  }
  sort_naturally(images);
  return images;
}

/// Every regular file the pattern matches; only the images when it matches any ("photos/*" next
/// to a readme).
std::vector<fs::path> images_of_glob(const std::string& pattern) {
  struct Matches : glob_t {
    Matches() : glob_t{} {}
    ~Matches() { globfree(this); }
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
  } matches;
  std::vector<fs::path> files;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) {
      std::error_code ignored;
      if (fs::is_regular_file(matches.gl_pathv[i], ignored))
        files.emplace_back(matches.gl_pathv[i]);
    }
  }
  if (files.empty()) throw InputError(fmt::format("{}: no file matches this pattern", pattern));
  if (std::any_of(files.begin(), files.end(), has_image_extension)) {
    std::erase_if(files, [](const fs::path& file) { return !has_image_extension(file); });
  }
  sort_naturally(files);
  return files;
}

}  // namespace

std::vector<fs::path> expand_image_paths(const std::vector<std::string>& arguments) {
  std::vector<fs::path> paths;
  for (const std::string& argument : arguments) {
    if (argument.empty()) throw InputError("the name of an image or film is empty");
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    std::vector<fs::path> found;
    if (fs::is_directory(status)) {
      found = images_in_folder(argument);
    } else if (fs::exists(status)) {
      found = {argument};
    } else if (argument.find_first_of("*?[") != std::string::npos) {
      found = images_of_glob(argument);
    } else {
      const bool missing = status.type() == fs::file_type::not_found;
      throw InputError(
          fmt::format("{}: {}", argument, missing ? "no such file or folder" : error.message()));
    }
    paths.insert(paths.end(), found.begin(), found.end());
  }
  return paths;
}

}  // namespace owl3
