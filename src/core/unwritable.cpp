#include "core/unwritable.h"

#include <cerrno>
#include <string>

#include "core/error.h"

namespace owl3 {

void throw_unwritable(const std::filesystem::path& path, int error_number) {
  const std::string message =
      fmt::format("{}: cannot be written: {}", path.string(), errno_text(error_number));
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    throw NoRoomLeft(message);
  }
  throw InputError(message);
}

}  // namespace owl3
