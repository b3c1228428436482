#include "owlet/sticker.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr int kLevels = 4;
constexpr int kGranule = 1 << (kLevels - 1);  // sides of the first level are multiples of it
constexpr int kFraction = 16;                 // bits behind the point of source coordinates

struct Box {
  int left, top, right, bottom;  // the last two excluded
};

Box opaque_box(int width, int height, const std::vector<uint8_t>& rgba) {
  Box box{width, height, 0, 0};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      if (rgba[static_cast<size_t>(y * width + x) * 4 + 3] < 16) continue;
      box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x + 1),
             std::max(box.bottom, y + 1)};
    }
  }
  return box;
}

int rounded_up(int side) {
  return (side + kGranule - 1) / kGranule * kGranule;
}

/// Cosine and sine of the angle whose half has that tangent.
struct Turn {
  explicit Turn(double t) : cosine((1 - t * t) / (1 + t * t)), sine(2 * t / (1 + t * t)) {}
  double cosine;
  double sine;
};

}  // namespace

Sticker::Sticker(int width, int height, const std::vector<uint8_t>& rgba) {
  const Box box = opaque_box(width, height, rgba);
  OWL3_CHECK(box.left < box.right);
  width_ = box.right - box.left;
  height_ = box.bottom - box.top;
  Level first{rounded_up(width_), rounded_up(height_), {}};
  first.rgba.assign(static_cast<size_t>(first.width * first.height) * 4, 0);
  const int left = (first.width - width_) / 2;
  const int top = (first.height - height_) / 2;
  for (int y = 0; y < height_; ++y) {
    const auto from = rgba.begin() + ((box.top + y) * width + box.left) * 4;
    std::copy(from, from + width_ * 4, first.rgba.begin() + ((top + y) * first.width + left) * 4);
  }
  levels_.push_back(std::move(first));
  while (levels_.size() < kLevels) levels_.push_back(halved(levels_.back()));
}

Sticker::Level Sticker::halved(const Level& level) {
  Level half{level.width / 2, level.height / 2, {}};
  half.rgba.resize(static_cast<size_t>(half.width * half.height) * 4);
  const auto at = [&](int x, int y, int channel) {
    return level.rgba[static_cast<size_t>(y * level.width + x) * 4 + static_cast<size_t>(channel)];
  };
  size_t next = 0;
  for (int y = 0; y < half.height; ++y) {
    for (int x = 0; x < half.width; ++x) {
      for (int channel = 0; channel < 4; ++channel) {
        const int sum = at(2 * x, 2 * y, channel) + at(2 * x + 1, 2 * y, channel) +
                        at(2 * x, 2 * y + 1, channel) + at(2 * x + 1, 2 * y + 1, channel);
        half.rgba[next++] = static_cast<uint8_t>((sum + 2) / 4);
      }
    }
  }
  return half;
}

void Sticker::draw(Image& image, const Placement& placement,
                   const std::array<uint8_t, 3>& tint) const {
  const Turn turn(placement.half_tangent);
  double scale = std::max(width_, height_) / placement.size;  // source pixels per image pixel
  size_t index = 0;
  for (; scale > 1.4 && index + 1 < levels_.size(); ++index) scale /= 2;
  const Level& level = levels_[index];

  const double across = placement.size / std::max(width_, height_) / 2;
  const double reach_x = across * (width_ * turn.cosine + height_ * std::fabs(turn.sine)) + 1;
  const double reach_y = across * (height_ * turn.cosine + width_ * std::fabs(turn.sine)) + 1;
  const int left = std::max(0, static_cast<int>(std::floor(placement.x - reach_x)));
  const int right = std::min(image.width, static_cast<int>(std::ceil(placement.x + reach_x)));
  const int top = std::max(0, static_cast<int>(std::floor(placement.y - reach_y)));
  const int bottom = std::min(image.height, static_cast<int>(std::ceil(placement.y + reach_y)));

  // Source coordinates of a pixel: centre + scale * R^T (pixel - placement), in fixed point, so
  // that rounding is the same however the compiler orders the work.
  const double one = 1 << kFraction;
  const auto step_cosine = static_cast<int64_t>(std::floor(scale * turn.cosine * one + 0.5));
  const auto step_sine = static_cast<int64_t>(std::floor(scale * turn.sine * one + 0.5));
  const double dx = left + 0.5 - placement.x;
  const double dy = top + 0.5 - placement.y;
  auto row_u = static_cast<int64_t>(
      std::floor((level.width / 2.0 - 0.5 + scale * (turn.cosine * dx + turn.sine * dy)) * one));
  auto row_v = static_cast<int64_t>(
      std::floor((level.height / 2.0 - 0.5 + scale * (turn.cosine * dy - turn.sine * dx)) * one));

  for (int y = top; y < bottom; ++y, row_u += step_sine, row_v += step_cosine) {
    int64_t u = row_u;
    int64_t v = row_v;
    uint8_t* pixel = image.rgb.data() + (static_cast<size_t>(y) * image.width + left) * 3;
    for (int x = left; x < right; ++x, u += step_cosine, v -= step_sine, pixel += 3) {
      const auto column = static_cast<int>(u >> kFraction);
      const auto row = static_cast<int>(v >> kFraction);
      if (column < 0 || row < 0 || column + 1 >= level.width || row + 1 >= level.height) continue;
      // Between four source pixels, with 8 bits of weight each way.
      const int fu = static_cast<int>(u >> (kFraction - 8)) & 255;
      const int fv = static_cast<int>(v >> (kFraction - 8)) & 255;
      const uint8_t* upper =
          level.rgba.data() + static_cast<size_t>(row * level.width + column) * 4;
      const uint8_t* lower = upper + static_cast<ptrdiff_t>(level.width) * 4;
      int sample[4];
      for (int c = 0; c < 4; ++c) {
        const int high = upper[c] * (256 - fu) + upper[c + 4] * fu;
        const int low = lower[c] * (256 - fu) + lower[c + 4] * fu;
        sample[c] = (high * (256 - fv) + low * fv + (1 << 15)) >> 16;
      }
      for (int c = 0; c < 3; ++c) {
        const int over = (sample[c] * tint[static_cast<size_t>(c)] + 127) / 255;
        const int under = (pixel[c] * (255 - sample[3]) + 127) / 255;
        pixel[c] = static_cast<uint8_t>(std::min(255, over + under));
      }
    }
  }
}

int Sticker::percent_hidden_on(const std::array<uint8_t, 3>& colour) const {
  constexpr int kHardToSee = 110;  // sum of the three channels' differences
  const Level& level = levels_[2];
  int opaque = 0;
  int hidden = 0;
  for (size_t at = 0; at < level.rgba.size(); at += 4) {
    const int alpha = level.rgba[at + 3];
    if (alpha < 128) continue;
    ++opaque;
    int difference = 0;
    for (size_t c = 0; c < 3; ++c) {
      difference += std::abs(level.rgba[at + c] * 255 / alpha - colour[c]);
    }
    if (difference < kHardToSee) ++hidden;
  }
  return opaque == 0 ? 100 : 100 * hidden / opaque;
}

}  // namespace owl3
