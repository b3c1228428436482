// Where in a picture a thing is, and how that is said.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// The nine places that have names, row by row, and none: what is too large to have one.
enum class Place {
  kTopLeft,
  kTop,
  kTopRight,
  kLeft,
  kMiddle,
  kRight,
  kBottomLeft,
  kBottom,
  kBottomRight,
  kNowhere
};
inline constexpr int kPlaces = 9;

/// "top left", "left", "middle"
std::string_view name_of(Place place);
/// "at the top left", "on the left", "in the middle"
std::string place_phrase(Place place);

}  // namespace owl3
