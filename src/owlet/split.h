// Which combinations are kept for testing: of each thing, a fifth of the pairs of a ground and a
// ninth of the picture. Training never shows it there on that ground, but shows it on every ground
// and in every ninth: were whole grounds kept, a model would learn that they speak against the
// thing.
#pragma once

#include <string_view>
#include <vector>

#include "owlet/scene.h"

namespace owl3 {

enum class Split { kTrain, kTest };

/// `name`: of the thing, or the written text; `where`: the ninth its centre lies in, in the order
/// of the places. Writing always stands in the middle: `where` is then 9 or 10 by the side it leans
/// to.
bool is_held_out(std::string_view name, int ground, int where);

/// Whether nothing in the scene is held out.
bool may_be_trained_on(const Scene& scene);

/// Frames are of the test split if any of them shows what training never does.
Split split_of(const std::vector<Scene>& frames);

}  // namespace owl3
