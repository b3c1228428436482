#include "owlet/place.h"

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

}  // namespace owl3
