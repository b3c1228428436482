// Which combinations are kept for testing: a thing never stands, in training, on two of the ten
// grounds and at two of the nine places; tests show it there only.
#pragma once

#include <string_view>

#include "scenes/scene.h"

namespace owl3 {

enum class Split { kTrain, kTest };

/// `name`: of the thing, or the written text.
bool is_held_out_ground(std::string_view name, int ground);
bool is_held_out_place(std::string_view name, Place place);

/// Whether a scene of the split may put it there.
inline bool may_stand_on(std::string_view name, int ground, Split split) {
  return is_held_out_ground(name, ground) == (split == Split::kTest);
}

}  // namespace owl3
