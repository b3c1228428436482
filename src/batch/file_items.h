// Items that are files: of names, folders and patterns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch_item.h"
#include "owl3/image_files.h"

namespace owl3 {

/// As find_media_files(), and "photos/**" or "photos/**/*.jpg": whatever images and films lie in a
/// folder and all folders in it, links to folders left out. Throws InputError when one stands for
/// nothing, or a folder can't be read.
MediaFiles find_files_of_batch(const std::vector<std::string>& sources);

/// How many files an item has: one, all of a folder, or so many that follow each other.
struct Grouping {
  bool by_folder = false;
  int64_t files = 1;
};

std::unique_ptr<BatchInput> items_of(const std::vector<MediaFile>& files, const Grouping& grouping);

}  // namespace owl3
