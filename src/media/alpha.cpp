#include "media/alpha.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

namespace owl3 {

void split_rgba(const uint8_t* rgba, size_t count, uint8_t* rgb, uint8_t* alpha) {
  for (size_t i = 0; i < count; ++i, rgba += 4, rgb += 3) {
    std::copy_n(rgba, 3, rgb);
    alpha[i] = rgba[3];
  }
}

double transparent_share(const std::vector<uint8_t>& alpha) {
  if (alpha.empty()) return 0;
  const auto opaque = std::accumulate(alpha.begin(), alpha.end(), int64_t{0});
  return 1 - static_cast<double>(opaque) / 255 / static_cast<double>(alpha.size());
}

void lay_over(Image& image, const std::vector<uint8_t>& alpha, const Colour& background) {
  const uint8_t colour[3] = {background.red, background.green, background.blue};
  for (size_t i = 0; i < alpha.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      uint8_t& value = image.rgb[3 * i + c];
      value = laid_over(value, alpha[i], colour[c]);
    }
  }
}

std::string transparency_warning(const std::vector<uint8_t>& alpha) {
  constexpr double kMuch = 0.25;
  const double share = transparent_share(alpha);
  if (share < kMuch) return "";
  return fmt::format(
      "{:.0f} % of the picture is transparent; the model is shown the colours stored there, which "
      "people don't see (with a background it would be shown as people see it: --background)",
      std::floor(share * 100));
}

}  // namespace owl3
