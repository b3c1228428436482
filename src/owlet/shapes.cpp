#include "owlet/shapes.h"

#include <utility>

#include "core/error.h"
#include "owlet/catalogue.h"

namespace owl3 {

namespace {

constexpr int kSide = 128;
constexpr int kSamples = 4;  // per pixel and direction

using Point = std::pair<int, int>;  // in sample units, 0 .. kSide * kSamples

/// Corners on a square of 512; the star's are those of a regular pentagram, rounded.
const std::vector<Point>& corners_of(std::string_view name) {
  static const std::vector<Point> square = {{30, 30}, {482, 30}, {482, 482}, {30, 482}};
  static const std::vector<Point> triangle = {{256, 20}, {500, 470}, {12, 470}};
  static const std::vector<Point> diamond = {{256, 4}, {430, 256}, {256, 508}, {82, 256}};
  static const std::vector<Point> star = {{256, 10},  {312, 186}, {500, 186}, {348, 296},
                                          {407, 472}, {256, 363}, {105, 472}, {164, 296},
                                          {12, 186},  {200, 186}};
  static const std::vector<Point> cross = {{180, 10},  {332, 10},  {332, 180}, {502, 180},
                                           {502, 332}, {332, 332}, {332, 502}, {180, 502},
                                           {180, 332}, {10, 332},  {10, 180},  {180, 180}};
  if (name == "square") return square;
  if (name == "triangle") return triangle;
  if (name == "diamond") return diamond;
  if (name == "star") return star;
  OWL3_CHECK(name == "cross");
  return cross;
}

/// Even-odd rule, all in whole numbers.
bool is_inside(const std::vector<Point>& corners, int x, int y) {
  bool inside = false;
  for (size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const auto [xi, yi] = corners[i];
    const auto [xj, yj] = corners[j];
    if ((yi > y) == (yj > y)) continue;
    // Whether the edge's x at this y lies to the right: (xj-xi)(y-yi)/(yj-yi) + xi > x.
    const int left = (xj - xi) * (y - yi);
    const int right = (x - xi) * (yj - yi);
    if (yj > yi ? left > right : left < right) inside = !inside;
  }
  return inside;
}

bool is_in_circle(int x, int y) {
  const int dx = x - 256;
  const int dy = y - 256;
  return dx * dx + dy * dy < 244 * 244;
}

}  // namespace

Sticker make_shape(int shape) {
  const std::string_view name = kShapes.at(static_cast<size_t>(shape));
  std::vector<uint8_t> rgba;
  rgba.reserve(static_cast<size_t>(kSide) * kSide * 4);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      int covered = 0;
      for (int sample = 0; sample < kSamples * kSamples; ++sample) {
        const int sx = x * kSamples + sample % kSamples;
        const int sy = y * kSamples + sample / kSamples;
        if (name == "circle" ? is_in_circle(sx, sy) : is_inside(corners_of(name), sx, sy)) {
          ++covered;
        }
      }
      rgba.insert(rgba.end(), 4, static_cast<uint8_t>(covered * 255 / (kSamples * kSamples)));
    }
  }
  return {kSide, kSide, rgba};
}

}  // namespace owl3
