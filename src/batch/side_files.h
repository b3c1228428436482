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

/// Throws InputError where one of them is there already, unless that item's `may_exist`, or two
/// pictures would share one.
void check_side_files(const BatchInput& input, SideFormat format,
                      const std::function<bool(int64_t item)>& may_exist);

/// Nothing for a row that is an error. `is_choice`: its answer is one of the choices.
void write_side_file(const BatchRow& row, SideFormat format, bool is_choice);

}  // namespace owl3
