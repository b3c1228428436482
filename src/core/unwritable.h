// What goes wrong where files are written.
#pragma once

#include <filesystem>

#include "owl3/error.h"

namespace owl3 {

/// A disk is full, or a quota or a bound on files is reached: the next file could not be written
/// either.
class NoRoomLeft final : public InputError {
 public:
  using InputError::InputError;
};

/// "PATH: cannot be written: WHAT the system says". Throws NoRoomLeft for ENOSPC, EDQUOT and EFBIG,
/// InputError for any other number.
[[noreturn]] void throw_unwritable(const std::filesystem::path& path, int error_number);

}  // namespace owl3
