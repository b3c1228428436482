#include "core/error.h"

#include <cstring>
#include <filesystem>

namespace owl3 {

void throw_internal_error(const char* condition, const char* file, int line) {
  throw InternalError(fmt::format("internal error: {} does not hold ({}:{}); please report this",
                                  condition, std::filesystem::path(file).filename().string(),
                                  line));
}

std::string errno_text(int error_number) {
  return std::strerror(error_number);
}

}  // namespace owl3
