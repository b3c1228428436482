// A scene: what is to be seen in a picture, as a description from which the picture is drawn and
// questions are answered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "media/image.h"
#include "owlet/artwork.h"
#include "owlet/place.h"

namespace owl3 {

/// Lengths in a scene are in 1/1024 of the image's side.
inline constexpr int kSceneSide = 1024;

struct SceneObject {
  int thing = 0;  // index into things()
  int x = 0;      // centre
  int y = 0;
  int size = 0;          // longer side, before it is turned
  int half_tangent = 0;  // of the rotation, in 1/1024
  Place place = Place::kNowhere;
};

/// A thing up to this size is called small, one from that size on large.
inline constexpr int kSmallSize = 480;
inline constexpr int kLargeSize = 700;

/// Half the side of the square that holds an object, however it is turned.
int half_extent(int size, int half_tangent);

struct Scene {
  int ground = 0;  // index into kColours
  std::vector<SceneObject> objects;
  /// A word (a-z) or a number (0-9) written across the middle; then there are no objects.
  std::string writing;
  int writing_size = 0;  // its width, or height where that is more
  int writing_half_tangent = 0;
  uint64_t texture = 0;  // seed of the ground's shade and noise
  int noise = 0;         // largest deviation of a pixel's channel
  bool has_number() const { return !writing.empty() && writing[0] <= '9'; }
};

/// Draws the scene, side x side. A pure function: the same pixels on any machine.
Image render(const Scene& scene, const Artwork& artwork, int side);

}  // namespace owl3
