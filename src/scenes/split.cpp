#include "scenes/split.h"

#include "core/error.h"
#include "scenes/catalogue.h"
#include "scenes/random.h"

namespace owl3 {

namespace {

/// Two different numbers below n, from the name alone.
bool is_one_of_two(std::string_view name, uint64_t salt, int n, int value) {
  Random random{hash_text(name), salt};
  const int first = random.below(n);
  const int second = (first + random.between(1, n - 1)) % n;
  return value == first || value == second;
}

}  // namespace

bool is_held_out_ground(std::string_view name, int ground) {
  return is_one_of_two(name, 1, static_cast<int>(kColours.size()), ground);
}

bool is_held_out_place(std::string_view name, Place place) {
  OWL3_CHECK(place != Place::kNowhere);
  return is_one_of_two(name, 2, kPlaces, static_cast<int>(place));
}

}  // namespace owl3
