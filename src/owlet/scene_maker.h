// Makes up scenes: what stands where, on which ground, within the split.
#pragma once

#include <vector>

#include "owlet/random.h"
#include "owlet/scene.h"
#include "owlet/split.h"

namespace owl3 {

enum class SceneKind {
  kLarge,   // one thing, anywhere
  kPlaced,  // one smaller thing at a place with a name
  kPair,    // two different things, side by side or one above the other
  kGroup,   // two to six things of one or two kinds, to be counted
  kWord,
  kNumber
};

class SceneMaker {
 public:
  /// `artwork` tells what is visible where, and must outlive the maker.
  SceneMaker(const Artwork& artwork, Split split);

  /// Within the split; what else this class makes is not: its callers see to that.
  Scene make(SceneKind kind, Random& random) const;
  /// Of a kind drawn from what training should see most.
  Scene make(Random& random) const;

  /// An empty ground with texture and noise; `ground` < 0 draws one.
  Scene empty(Random& random, int ground = -1) const;
  /// A thing that can be seen on the ground.
  int thing_for(int ground, Random& random) const;
  /// A thing in the middle of a place, small enough for it.
  SceneObject object_at(int thing, Place place, Random& random) const;
  bool is_visible(int thing, int ground) const;
  Split split() const { return split_; }

 private:
  /// Of whichever split.
  Scene draw(SceneKind kind, Random& random) const;
  Scene large(Random& random) const;
  Scene placed(Random& random) const;
  Scene pair(Random& random) const;
  Scene group(Random& random) const;
  Scene written(bool number, Random& random) const;

  const Artwork* artwork_;
  Split split_;
  std::vector<std::vector<int>> emoji_on_;   // [colours] things
  std::vector<std::vector<int>> shapes_on_;  // [colours] things
};

}  // namespace owl3
