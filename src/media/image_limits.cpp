#include "media/image_limits.h"

#include "core/available_memory.h"
#include "core/error.h"

namespace owl3 {
namespace {

/// Throws InputError for what takes more memory than there is.
void check_memory(int64_t width, int64_t height, const std::string& name,
                  const DecodeLimits& limits, int64_t bytes_per_pixel) {
  // Asking reads some files of the kernel's.
  constexpr int64_t kLeastWorthAsking = int64_t{16} << 20;
  const int64_t needed = width * height * bytes_per_pixel;
  if (needed < kLeastWorthAsking && !limits.max_bytes) return;
  const std::optional<int64_t> available = limits.max_bytes ? limits.max_bytes : available_memory();
  if (!available || needed <= *available) return;
  throw InputError(
      fmt::format("{}: it claims {} x {} pixels; decoding them takes {} MB of memory, and {} MB "
                  "can be had; scale it down first",
                  name, width, height, needed / 1'000'000, *available / 1'000'000));
}

}  // namespace

void check_image_size(int64_t width, int64_t height, const std::string& name,
                      const DecodeLimits& limits, int64_t bytes_per_pixel) {
  if (width <= 0 || height <= 0) {
    throw InputError(fmt::format("{}: broken image: its size is {} x {}", name, width, height));
  }
  if (width > kMaxImageSide || height > kMaxImageSide || width * height > limits.max_pixels) {
    throw InputError(fmt::format(
        "{}: it claims {} x {} pixels; the limit is {} pixels, and {} a side; scale it down first, "
        "or raise the limit",
        name, width, height, limits.max_pixels, kMaxImageSide));
  }
  check_memory(width, height, name, limits, bytes_per_pixel);
}

Image make_image(int64_t width, int64_t height, const std::string& name, const DecodeLimits& limits,
                 int64_t bytes_per_pixel) {
  check_image_size(width, height, name, limits, bytes_per_pixel);
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(static_cast<size_t>(width * height) * 3);
  return image;
}

}  // namespace owl3
