#include "owlet/split.h"

#include <algorithm>

#include "owlet/catalogue.h"
#include "owlet/random.h"

namespace owl3 {

namespace {

constexpr int kHeldOutPercent = 20;

int ninth(const SceneObject& object) {
  return object.y * 3 / kSceneSide * 3 + object.x * 3 / kSceneSide;
}

}  // namespace

bool is_held_out(std::string_view name, int ground, int where) {
  return Random{hash_text(name), static_cast<uint64_t>(ground), static_cast<uint64_t>(where)}
      .chance(kHeldOutPercent);
}

bool may_be_trained_on(const Scene& scene) {
  if (!scene.writing.empty()) {
    const int leaning = kPlaces + (scene.writing_half_tangent < 0 ? 1 : 0);
    return !is_held_out(scene.writing, scene.ground, leaning);
  }
  return std::none_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& object) {
    const std::string& name = things()[static_cast<size_t>(object.thing)].singular;
    return is_held_out(name, scene.ground, ninth(object));
  });
}

Split split_of(const std::vector<Scene>& frames) {
  return std::all_of(frames.begin(), frames.end(), may_be_trained_on) ? Split::kTrain
                                                                      : Split::kTest;
}

}  // namespace owl3
