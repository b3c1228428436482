// The image files, and films, that names, folders and patterns stand for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "owl3/export.h"

namespace owl3 {

/// Files of a folder or pattern that are no images, or that nobody means.
struct LeftOut {
  std::string where;  // the folder, pattern or file, as it was given
  int64_t count = 0;
  std::string reason;  // with the count: "2 .xyz files are not images"
};

struct ImageFiles {
  std::vector<std::filesystem::path> files;
  std::vector<LeftOut> left_out;
};

/// A file stands for itself. A folder stands for the images in it, a pattern ("photos/*.jpg") for
/// those it matches, both in natural order ("2.png" before "10.png"): what has the extension of an
/// image, or begins like one, and is not hidden. Throws InputError when one stands for nothing.
OWL3_API ImageFiles find_image_files(const std::vector<std::string>& arguments);

struct MediaFile {
  bool is_video = false;
  std::filesystem::path path;
  std::string argument;  // that brought it
};

struct MediaFiles {
  std::vector<MediaFile> files;
  std::vector<LeftOut> left_out;
};

/// The same of images and films, in one natural order. What a file is, its extension says, and
/// where that says nothing its beginning.
OWL3_API MediaFiles find_media_files(const std::vector<std::string>& arguments);

}  // namespace owl3
