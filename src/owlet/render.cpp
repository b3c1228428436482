// Drawing a scene: a ground of one colour, a little uneven; the things on it; noise over all.
#include <algorithm>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/random.h"
#include "owlet/scene.h"

namespace owl3 {

namespace {

constexpr int kShade = 16;  // a ground is this much lighter or darker as a whole, and ..
constexpr int kSlope = 14;  // .. this much from side to side

void draw_ground(Image& image, const Scene& scene, Random& random) {
  const auto& base = kColours[static_cast<size_t>(scene.ground)].rgb;
  std::array<int, 3> colour{};
  const int shade = random.between(-kShade, kShade);
  for (size_t c = 0; c < 3; ++c) colour[c] = base[c] + shade + random.between(-6, 6);
  const int slope_x = random.between(-kSlope, kSlope);
  const int slope_y = random.between(-kSlope, kSlope);
  uint8_t* pixel = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const int slope =
          (slope_x * (2 * x - image.width) + slope_y * (2 * y - image.height)) / (2 * image.width);
      for (size_t c = 0; c < 3; ++c) {
        *pixel++ = static_cast<uint8_t>(std::clamp(colour[c] + slope, 0, 255));
      }
    }
  }
}

void add_noise(Image& image, int noise, Random& random) {
  if (noise == 0) return;
  uint8_t* pixel = image.rgb.data();
  const auto range = static_cast<uint64_t>(2 * noise + 1);
  for (size_t i = 0; i < image.rgb.size(); i += 3) {
    const uint64_t bits = random.next();
    for (int c = 0; c < 3; ++c, ++pixel) {
      const auto draw = static_cast<int>(((bits >> (20 * c) & 0xfffff) * range) >> 20);
      *pixel = static_cast<uint8_t>(std::clamp(*pixel + draw - noise, 0, 255));
    }
  }
}

/// Black on light grounds, white on dark ones.
std::array<uint8_t, 3> ink_on(int ground) {
  const auto& colour = kColours[static_cast<size_t>(ground)].rgb;
  const int light = 3 * colour[0] + 6 * colour[1] + colour[2];
  return light > 1300 ? std::array<uint8_t, 3>{15, 15, 15} : std::array<uint8_t, 3>{250, 250, 250};
}

}  // namespace

Image render(const Scene& scene, const Artwork& artwork, int side) {
  OWL3_CHECK(side > 0);
  Image image{side, side, std::vector<uint8_t>(static_cast<size_t>(side) * side * 3)};
  Random random{scene.texture};
  draw_ground(image, scene, random);
  const double unit = static_cast<double>(side) / kSceneSide;
  for (const SceneObject& object : scene.objects) {
    const Thing& thing = things()[static_cast<size_t>(object.thing)];
    const std::array<uint8_t, 3> white = {255, 255, 255};
    const auto& tint = thing.is_shape() ? kColours[static_cast<size_t>(thing.colour)].rgb : white;
    artwork.of_thing(object.thing)
        .draw(image,
              {object.x * unit, object.y * unit, object.size * unit, object.half_tangent / 1024.0},
              tint);
  }
  if (!scene.writing.empty()) {
    const double middle = side / 2.0;
    artwork.of_text(scene.writing)
        .draw(image,
              {middle, middle, scene.writing_size * unit, scene.writing_half_tangent / 1024.0},
              ink_on(scene.ground));
  }
  add_noise(image, scene.noise, random);
  return image;
}

}  // namespace owl3
