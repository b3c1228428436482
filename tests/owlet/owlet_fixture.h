// What tests of scenes share: the artwork, read once, and pools of both splits.
#pragma once

#include "owlet/pool.h"
#include "owlet/rows.h"

namespace owl3::test {

inline const Artwork& artwork() {
  static const Artwork work;
  return work;
}

inline const SceneMaker& maker(Split split = Split::kTrain) {
  static const SceneMaker train(artwork(), Split::kTrain);
  static const SceneMaker test(artwork(), Split::kTest);
  return split == Split::kTrain ? train : test;
}

inline const Pool& pool(Split split = Split::kTrain) {
  static const Pool train(maker(Split::kTrain), {5, 1500, 150, 10});
  static const Pool test(maker(Split::kTest), {5, 1500, 150, 10});
  return split == Split::kTrain ? train : test;
}

}  // namespace owl3::test
