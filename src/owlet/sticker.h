// A picture with transparency that is put into scenes at any size and angle: kept at several
// resolutions, so that a small one is as smooth as a large one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "media/image.h"

namespace owl3 {

/// Where a sticker goes, in pixels of the image.
struct Placement {
  double x = 0;  // centre
  double y = 0;
  double size = 0;  // longer side
  /// Rotation by its tangent of half the angle, which needs no trigonometry and so gives the same
  /// bits everywhere.
  double half_tangent = 0;
};

class Sticker {
 public:
  /// `rgba` [height, width, 4], colours multiplied by alpha. What is transparent around it is cut
  /// off.
  Sticker(int width, int height, const std::vector<uint8_t>& rgba);

  int width() const { return width_; }
  int height() const { return height_; }

  /// Draws it; what lies outside the image is left out. `tint` colours a white sticker.
  void draw(Image& image, const Placement& placement,
            const std::array<uint8_t, 3>& tint = {255, 255, 255}) const;

  /// How many of 100 opaque pixels are hard to see on this colour.
  int percent_hidden_on(const std::array<uint8_t, 3>& colour) const;

 private:
  struct Level {
    int width = 0;
    int height = 0;
    std::vector<uint8_t> rgba;  // [height, width, 4]
  };
  static Level halved(const Level& level);

  int width_ = 0;
  int height_ = 0;
  std::vector<Level> levels_;  // each half the one before, the first with a transparent margin
};

}  // namespace owl3
