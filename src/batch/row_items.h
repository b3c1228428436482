// Items that are rows of a file, each with the paths of its images and films: JSONL, a JSON list or
// CSV.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "batch/batch_item.h"

namespace owl3 {

struct RowColumns {
  std::string image = "image";
  std::string video = "video";
};

/// Passes once over the file. Paths in it are as seen from its folder. Throws InputError where it
/// is no such file, with the line. What is wrong within a row its item says, which has the columns
/// nevertheless where the row could be read, and throws InputError where not.
std::unique_ptr<BatchInput> items_of_rows(const std::filesystem::path& path,
                                          const RowColumns& columns);

}  // namespace owl3
