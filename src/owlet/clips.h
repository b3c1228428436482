// Clips: a few frames in which something happens.
#pragma once

#include <vector>

#include "owlet/scene.h"
#include "owlet/scene_maker.h"

namespace owl3 {

enum class ClipKind {
  kMove,      // a thing goes from one place to another
  kParade,    // two to four things, one after the other
  kGrow,      // things of a kind become more
  kShrink,    // or fewer
  kRecolour,  // the ground takes another colour
  kAppear,    // an empty ground, then a thing
  kVanish     // a thing, then an empty ground
};
inline constexpr int kClipKinds = 7;

struct Clip {
  ClipKind kind = ClipKind::kMove;
  std::vector<Scene> frames;
  std::vector<int> things;  // in the order they come; one, but in a parade
  int ground() const { return frames.front().ground; }
};

/// Of 3 to `max_frames` frames.
Clip make_clip(ClipKind kind, int max_frames, const SceneMaker& maker, Random& random);

}  // namespace owl3
