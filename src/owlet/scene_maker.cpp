#include "owlet/scene_maker.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "owlet/catalogue.h"

namespace owl3 {

namespace {

constexpr int kEdge = 12;       // kept free at the image's edges
constexpr int kMostHalf = 240;  // of a thing at a place: two stand side by side
constexpr int kShapePercent = 15;
constexpr int kMaxNoise = 18;

/// A shape that is turned far is another shape.
int turn_for(int thing, int most, Random& random) {
  if (things()[static_cast<size_t>(thing)].is_shape()) most = std::min(most, 60);
  return random.between(-most, most);
}

/// A centre in the left (top), middle or right (bottom) third, away from the borders between them,
/// and in the outer thirds without reaching over the image's middle.
int coordinate_in_third(int third, int half, Random& random) {
  constexpr int kInner = 300;
  const int from_edge = random.between(half + kEdge, std::min(kInner, kSceneSide / 2 - half - 2));
  if (third == 0) return from_edge;
  if (third == 2) return kSceneSide - from_edge;
  return random.between(kSceneSide / 2 - 57, kSceneSide / 2 + 57);
}

}  // namespace

SceneMaker::SceneMaker(const Artwork& artwork, Split split) : artwork_(&artwork), split_(split) {
  for (size_t ground = 0; ground < kColours.size(); ++ground) {
    emoji_on_.emplace_back();
    shapes_on_.emplace_back();
    for (size_t thing = 0; thing < things().size(); ++thing) {
      if (!artwork.is_visible(static_cast<int>(thing), static_cast<int>(ground))) continue;
      (things()[thing].is_shape() ? shapes_on_ : emoji_on_)
          .back()
          .push_back(static_cast<int>(thing));
    }
    OWL3_CHECK(!emoji_on_.back().empty() && !shapes_on_.back().empty());
  }
}

bool SceneMaker::is_visible(int thing, int ground) const {
  return artwork_->is_visible(thing, ground);
}

Scene SceneMaker::empty(Random& random, int ground) const {
  Scene scene;
  scene.ground = ground >= 0 ? ground : random.below(static_cast<int>(kColours.size()));
  scene.texture = random.next();
  scene.noise = random.between(0, kMaxNoise);
  return scene;
}

int SceneMaker::thing_for(int ground, Random& random) const {
  const auto& list = random.chance(kShapePercent) ? shapes_on_ : emoji_on_;
  return random.pick(list[static_cast<size_t>(ground)]);
}

SceneObject SceneMaker::object_at(int thing, Place place, Random& random) const {
  SceneObject object;
  object.thing = thing;
  object.size = random.between(400, kSmallSize);
  object.half_tangent = turn_for(thing, 60, random);
  object.place = place;
  while (half_extent(object.size, object.half_tangent) > kMostHalf) object.size -= 10;
  const int half = half_extent(object.size, object.half_tangent);
  object.x = coordinate_in_third(static_cast<int>(place) % 3, half, random);
  object.y = coordinate_in_third(static_cast<int>(place) / 3, half, random);
  return object;
}

Scene SceneMaker::large(Random& random) const {
  Scene scene = empty(random);
  SceneObject object;
  object.thing = thing_for(scene.ground, random);
  object.half_tangent = turn_for(object.thing, 130, random);
  object.size = random.between(560, 960);
  const int most = kSceneSide / 2 - 4;
  while (half_extent(object.size, object.half_tangent) > most) object.size -= 20;
  const int half = half_extent(object.size, object.half_tangent);
  object.x = random.between(half, kSceneSide - half);
  object.y = random.between(half, kSceneSide - half);
  scene.objects.push_back(object);
  return scene;
}

Scene SceneMaker::placed(Random& random) const {
  Scene scene = empty(random);
  const int thing = thing_for(scene.ground, random);
  scene.objects.push_back(object_at(thing, static_cast<Place>(random.below(kPlaces)), random));
  return scene;
}

Scene SceneMaker::pair(Random& random) const {
  Scene scene = empty(random);
  const bool side_by_side = random.chance(50);
  for (const Place place :
       {side_by_side ? Place::kLeft : Place::kTop, side_by_side ? Place::kRight : Place::kBottom}) {
    int thing = 0;
    do {
      thing = thing_for(scene.ground, random);
    } while (!scene.objects.empty() && scene.objects[0].thing == thing);
    scene.objects.push_back(object_at(thing, place, random));
  }
  return scene;
}

Scene SceneMaker::group(Random& random) const {
  Scene scene = empty(random);
  const bool quarters = random.chance(80);  // a grid of 2 x 2, else of 3 x 3
  const int side = quarters ? 2 : 3;
  const int cell = kSceneSide / side;
  const int count = random.between(2, quarters ? 4 : 6);
  const int first = thing_for(scene.ground, random);
  int second = first;
  if (random.chance(50)) {
    do {
      second = thing_for(scene.ground, random);
    } while (second == first);
  }
  const int firsts = second == first ? count : random.between(1, count - 1);
  std::vector<int> cells(static_cast<size_t>(side * side));
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<int>(i);
  random.shuffle(cells);
  const int size = quarters ? random.between(380, 440) : random.between(250, 290);
  for (int i = 0; i < count; ++i) {
    SceneObject object;
    object.thing = i < firsts ? first : second;
    object.size = size;
    object.half_tangent = turn_for(object.thing, 60, random);
    const int half = half_extent(object.size, object.half_tangent);
    const int left = cells[static_cast<size_t>(i)] % side * cell;
    const int top = cells[static_cast<size_t>(i)] / side * cell;
    object.x = random.between(left + half + 2, left + cell - half - 2);
    object.y = random.between(top + half + 2, top + cell - half - 2);
    scene.objects.push_back(object);
  }
  return scene;
}

Scene SceneMaker::written(bool number, Random& random) const {
  Scene scene = empty(random);
  scene.writing =
      number ? std::to_string(random.below(100)) : std::string(random.pick(written_words()));
  const int letters = static_cast<int>(scene.writing.size());
  scene.writing_size = letters == 1 ? random.between(450, 750)
                                    : std::min(950, random.between(150, 190) * letters + 180);
  scene.writing_half_tangent = random.between(-60, 60);
  return scene;
}

Scene SceneMaker::draw(SceneKind kind, Random& random) const {
  switch (kind) {
    case SceneKind::kLarge:
      return large(random);
    case SceneKind::kPlaced:
      return placed(random);
    case SceneKind::kPair:
      return pair(random);
    case SceneKind::kGroup:
      return group(random);
    case SceneKind::kWord:
      return written(false, random);
    case SceneKind::kNumber:
      break;
  }
  return written(true, random);
}

Scene SceneMaker::make(SceneKind kind, Random& random) const {
  while (true) {
    Scene scene = draw(kind, random);
    if (may_be_trained_on(scene) == (split_ == Split::kTrain)) return scene;
  }
}

Scene SceneMaker::make(Random& random) const {
  const int draw = random.below(100);
  const SceneKind kind = draw < 34   ? SceneKind::kLarge
                         : draw < 68 ? SceneKind::kPlaced
                         : draw < 76 ? SceneKind::kPair
                         : draw < 86 ? SceneKind::kGroup
                         : draw < 95 ? SceneKind::kWord
                                     : SceneKind::kNumber;
  return make(kind, random);
}

}  // namespace owl3
