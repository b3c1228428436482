#include "program/disk_space.h"

#include "core/byte_text.h"
#include "core/error.h"

namespace owl3 {

void check_free_space(const std::filesystem::path& folder, uint64_t bytes) {
  constexpr uint64_t kMargin = 64 << 20;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error || space.available >= bytes + kMargin) return;
  throw InputError(fmt::format(
      "{}: {} are needed on this disk, and a little to spare, but {} are free; make room for {}",
      folder.string(), byte_text(bytes), byte_text(space.available),
      byte_text(bytes + kMargin - space.available)));
}

}  // namespace owl3
