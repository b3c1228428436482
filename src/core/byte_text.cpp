#include "core/byte_text.h"

#include <fmt/format.h>

namespace owl3 {

std::string byte_text(double bytes) {
  // At the borders of what rounds to the next unit: "1000.0 kB" is none.
  if (bytes < 999.5)
    return fmt::format("{:.0f} byte{}", bytes, bytes >= 0.5 && bytes < 1.5 ? "" : "s");
  if (bytes < 999.95e3) return fmt::format("{:.1f} kB", bytes / 1e3);
  if (bytes < 999.995e6) return fmt::format("{:.2f} MB", bytes / 1e6);
  if (bytes < 999.995e9) return fmt::format("{:.2f} GB", bytes / 1e9);
  return fmt::format("{:.2f} TB", bytes / 1e12);
}

}  // namespace owl3
