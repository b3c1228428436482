// Answers beside the pictures that they are about: photo.txt or photo.json, as training takes them.
#pragma once

#include <filesystem>
#include <string>

#include "batch/batch_item.h"
#include "batch/batch_row.h"

namespace owl3 {

enum class SideFormat { kText, kJson };

/// "photos/a.jpg" has "photos/a.txt".
std::filesystem::path side_file_of(const std::filesystem::path& picture, SideFormat format);

/// Throws InputError where one of them is there already, or two pictures would share one.
void check_side_files(const BatchInput& input, SideFormat format, bool may_exist);

/// Nothing for a row that is an error.
void write_side_file(const BatchRow& row, SideFormat format);

}  // namespace owl3
