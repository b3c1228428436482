#include "cli/disk_space.h"

#include "core/error.h"

namespace owl3::cli {

void check_free_space(const std::filesystem::path& folder, uint64_t bytes) {
  constexpr uint64_t kMargin = 64 << 20;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error || space.available >= bytes + kMargin) return;
  throw InputError(fmt::format("{}: {:.1f} GB are needed, {:.1f} GB are free on this disk",
                               folder.string(), static_cast<double>(bytes) / 1e9,
                               static_cast<double>(space.available) / 1e9));
}

}  // namespace owl3::cli
