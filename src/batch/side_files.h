// Answers beside the pictures that they are about: photo.txt or photo.json, as training takes them,
// and XMP, as photo libraries do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "batch/batch_item.h"
#include "batch/batch_row.h"

namespace owl3 {

enum class SideFormat {
  kText,
  kJson,
  kXmp,       // photo.jpg.xmp: darktable, digiKam, Immich
  kAdobeXmp,  // photo.xmp: Lightroom, Bridge
};

/// "photos/a.jpg" has "photos/a.txt".
std::filesystem::path side_file_of(const std::filesystem::path& picture, SideFormat format);

/// Throws InputError where some of them are there already, unless those items' `may_exist`, or two
/// pictures would share one.
void check_side_files(const BatchInput& input, SideFormat format,
                      const std::function<bool(int64_t item)>& may_exist);

/// Nothing for a row that is an error. `is_choice`: its answer is one of the choices. What is there
/// already and is not the same stays as it is: the row gets a warning, and this is false. A file
/// that cannot be written is the row's error; throws NoRoomLeft where no other could be either.
bool write_side_file(BatchRow& row, SideFormat format, bool is_choice);

}  // namespace owl3
