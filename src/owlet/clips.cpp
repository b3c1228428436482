#include "owlet/clips.h"

#include <algorithm>

#include "core/error.h"
#include "owlet/catalogue.h"

namespace owl3 {

namespace {

/// The next frame: the same ground under another noise.
Scene next_frame(const Scene& ground, Random& random) {
  Scene frame = ground;
  frame.objects.clear();
  frame.texture = random.next();
  return frame;
}

Clip move(int frames, const SceneMaker& maker, Random& random) {
  const Scene ground = maker.empty(random);
  const int thing = maker.thing_for(ground.ground, random);
  const auto from = static_cast<Place>(random.below(kPlaces));
  Place to = from;
  while (to == from) to = static_cast<Place>(random.below(kPlaces));
  const SceneObject start = maker.object_at(thing, from, random);
  const SceneObject end = maker.object_at(thing, to, random);
  Clip clip{ClipKind::kMove, {}, {thing}};
  for (int i = 0; i < frames; ++i) {
    Scene frame = next_frame(ground, random);
    SceneObject object = start;
    object.x = start.x + (end.x - start.x) * i / (frames - 1);
    object.y = start.y + (end.y - start.y) * i / (frames - 1);
    // The ends lie as far from the edges as their own sizes ask.
    object.size = std::min(start.size, end.size);
    object.half_tangent = 0;
    object.place = i == 0 ? from : i + 1 == frames ? to : Place::kNowhere;
    frame.objects.push_back(object);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Clip parade(int frames, const SceneMaker& maker, Random& random) {
  const Scene ground = maker.empty(random);
  const int count = std::min(frames, random.between(2, 4));
  Clip clip{ClipKind::kParade, {}, {}};
  while (static_cast<int>(clip.things.size()) < count) {
    const int thing = maker.thing_for(ground.ground, random);
    const bool known =
        std::find(clip.things.begin(), clip.things.end(), thing) != clip.things.end();
    if (!known) clip.things.push_back(thing);
  }
  for (int i = 0; i < frames; ++i) {
    Scene frame = next_frame(ground, random);
    const int thing = clip.things[static_cast<size_t>(i * count / frames)];
    SceneObject object = maker.object_at(thing, Place::kMiddle, random);
    object.place = Place::kNowhere;  // where each of them stands is not what the clip is about
    object.size = random.between(400, 600);
    frame.objects.push_back(object);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Clip change_number(bool grow, int frames, const SceneMaker& maker, Random& random) {
  const Scene ground = maker.empty(random);
  const int thing = maker.thing_for(ground.ground, random);
  const int few = random.between(1, 2);
  const int many = random.between(few + 1, 4);
  std::vector<Place> corners = {Place::kTopLeft, Place::kTopRight, Place::kBottomLeft,
                                Place::kBottomRight};
  random.shuffle(corners);
  std::vector<SceneObject> objects;
  for (int i = 0; i < many; ++i) {
    objects.push_back(maker.object_at(thing, corners[static_cast<size_t>(i)], random));
    objects.back().place = Place::kNowhere;
  }
  Clip clip{grow ? ClipKind::kGrow : ClipKind::kShrink, {}, {thing}};
  for (int i = 0; i < frames; ++i) {
    Scene frame = next_frame(ground, random);
    const int step = grow ? i : frames - 1 - i;
    const int count = few + (many - few) * step / (frames - 1);
    frame.objects.assign(objects.begin(), objects.begin() + count);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Clip recolour(int frames, const SceneMaker& maker, Random& random) {
  const int colours = static_cast<int>(kColours.size());
  const Scene before = maker.empty(random);
  int thing = 0;
  std::vector<int> others;
  do {  // most things may stand on another ground as well
    thing = maker.thing_for(before.ground, random);
    others.clear();
    for (int ground = 0; ground < colours; ++ground) {
      if (ground != before.ground && maker.is_visible(thing, ground)) others.push_back(ground);
    }
  } while (others.empty());
  const int after = random.pick(others);
  SceneObject object = maker.object_at(thing, Place::kMiddle, random);
  object.place = Place::kNowhere;
  object.size = random.between(400, 600);
  const int turning = random.between(1, frames - 1);
  Clip clip{ClipKind::kRecolour, {}, {thing}};
  for (int i = 0; i < frames; ++i) {
    Scene frame = next_frame(before, random);
    if (i >= turning) frame.ground = after;
    frame.objects.push_back(object);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Clip come_or_go(bool appears, int frames, const SceneMaker& maker, Random& random) {
  const Scene ground = maker.empty(random);
  const int thing = maker.thing_for(ground.ground, random);
  SceneObject object = maker.object_at(thing, Place::kMiddle, random);
  object.place = Place::kNowhere;
  const int turning = random.between(1, frames - 1);
  Clip clip{appears ? ClipKind::kAppear : ClipKind::kVanish, {}, {thing}};
  for (int i = 0; i < frames; ++i) {
    Scene frame = next_frame(ground, random);
    if ((i >= turning) == appears) frame.objects.push_back(object);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Clip draw(ClipKind kind, int frames, const SceneMaker& maker, Random& random) {
  switch (kind) {
    case ClipKind::kMove:
      return move(frames, maker, random);
    case ClipKind::kParade:
      return parade(frames, maker, random);
    case ClipKind::kGrow:
    case ClipKind::kShrink:
      return change_number(kind == ClipKind::kGrow, frames, maker, random);
    case ClipKind::kRecolour:
      return recolour(frames, maker, random);
    case ClipKind::kAppear:
    case ClipKind::kVanish:
      break;
  }
  return come_or_go(kind == ClipKind::kAppear, frames, maker, random);
}

}  // namespace

Clip make_clip(ClipKind kind, int max_frames, const SceneMaker& maker, Random& random) {
  OWL3_CHECK(max_frames >= 3);
  const int frames = random.between(3, max_frames);
  while (true) {
    Clip clip = draw(kind, frames, maker, random);
    if (split_of(clip.frames) == maker.split()) return clip;
  }
}

}  // namespace owl3
