// The image files that names, folders and patterns stand for.
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

}  // namespace owl3
