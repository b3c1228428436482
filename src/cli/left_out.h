// Warnings about files that are not among those of a command.
#pragma once

#include <vector>

#include "owl3/image_files.h"

namespace owl3::cli {

/// "d: left out: 2 .xyz files are not images; 3 files are hidden", a line for each folder.
void tell_left_out(const std::vector<LeftOut>& left_out);

/// A line for each that can't be read, up to a number.
void tell_broken(const std::vector<LeftOut>& broken);

}  // namespace owl3::cli
