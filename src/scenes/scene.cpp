#include "scenes/scene.h"

#include <array>

#include "core/error.h"

namespace owl3 {

std::string_view name_of(Place place) {
  constexpr std::array<std::string_view, kPlaces + 1> names = {
      "top left", "top",         "top right", "left",         "middle",
      "right",    "bottom left", "bottom",    "bottom right", "nowhere"};
  return names[static_cast<size_t>(place)];
}

std::string place_phrase(Place place) {
  OWL3_CHECK(place != Place::kNowhere);
  const bool side = place == Place::kLeft || place == Place::kRight;
  const char* preposition = place == Place::kMiddle ? "in" : side ? "on" : "at";
  return fmt::format("{} the {}", preposition, name_of(place));
}

int half_extent(int size, int half_tangent) {
  const int64_t t = half_tangent < 0 ? -half_tangent : half_tangent;
  // (cos + sin) / 2 with cos = (1 - t^2) / (1 + t^2), sin = 2 t / (1 + t^2)
  const int64_t one = int64_t{1024} * 1024;
  const int64_t sum = one - t * t + 2 * t * 1024;
  return static_cast<int>((size * sum + 2 * (one + t * t) - 1) / (2 * (one + t * t)));
}

}  // namespace owl3
