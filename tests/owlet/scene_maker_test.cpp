// Scenes and clips that are made up: within bounds, apart, true to their split and description.
#include "owlet/scene_maker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "owlet/catalogue.h"
#include "owlet/language.h"
#include "owlet_fixture.h"

namespace owl3::test {

namespace {

std::vector<const Scene*> all_pictures(Split split) {
  std::vector<const Scene*> scenes;
  for (int i = 0; i < pool(split).pictures(); ++i) scenes.push_back(&pool(split).picture(i));
  return scenes;
}

/// What is shown where on which ground: "owl on red in ninth 3", "word home on red, leaning left".
std::set<std::string> combinations(const Scene& scene) {
  std::set<std::string> found;
  const std::string ground(ground_name(scene));
  for (const SceneObject& object : scene.objects) {
    found.insert(fmt::format("{} on {} in {} {}", noun(object.thing), ground,
                             object.x * 3 / kSceneSide, object.y * 3 / kSceneSide));
  }
  if (!scene.writing.empty()) {
    found.insert(fmt::format("word {} on {}, leaning {}", scene.writing, ground,
                             scene.writing_half_tangent < 0 ? "left" : "right"));
  }
  return found;
}

std::set<std::string> all_combinations(Split split) {
  std::set<std::string> found;
  for (const Scene* scene : all_pictures(split)) found.merge(combinations(*scene));
  return found;
}

TEST(Split, EveryTestSceneShowsWhatTrainingNeverDoes) {
  const auto train = all_combinations(Split::kTrain);
  EXPECT_GT(train.size(), 1500u);
  for (int i = 0; i < pool(Split::kTest).scenes(); ++i) {
    const Scene& scene = pool(Split::kTest).scene(i);
    const auto shown = combinations(scene);
    EXPECT_TRUE(std::any_of(shown.begin(), shown.end(), [&](const std::string& one) {
      return train.count(one) == 0;
    })) << caption(scene);
  }
}

TEST(Split, EveryTestClipShowsWhatTrainingNeverDoes) {
  for (int i = 0; i < pool(Split::kTest).clips(); ++i) {
    EXPECT_EQ(split_of(pool(Split::kTest).clip(i).frames), Split::kTest) << i;
    EXPECT_EQ(split_of(pool(Split::kTrain).clip(i).frames), Split::kTrain) << i;
  }
}

TEST(Split, KeepsAFifthOfEachThingsPlacesAndNeitherAWholeGroundNorAWholePlace) {
  const auto colours = static_cast<int>(kColours.size());
  int kept = 0;
  for (const Thing& thing : things()) {
    const auto count = [&](int grounds, int places, int ground, int place) {
      int held_out = 0;
      for (int i = 0; i < grounds; ++i) {
        for (int j = 0; j < places; ++j) {
          held_out += is_held_out(thing.singular, ground + i, place + j) ? 1 : 0;
        }
      }
      return held_out;
    };
    for (int i = 0; i < colours; ++i) EXPECT_LT(count(1, kPlaces, i, 0), kPlaces) << thing.singular;
    for (int i = 0; i < kPlaces; ++i) EXPECT_LT(count(colours, 1, 0, i), colours) << thing.singular;
    kept += count(colours, kPlaces, 0, 0);
  }
  const int all = static_cast<int>(things().size()) * colours * kPlaces;
  EXPECT_NEAR(kept, all / 5, all / 50);
}

TEST(SceneMaker, TrainingShowsAlmostEveryThing) {
  std::set<int> seen;
  for (const Scene* scene : all_pictures(Split::kTrain)) {
    for (const SceneObject& object : scene->objects) seen.insert(object.thing);
  }
  EXPECT_GT(seen.size(), things().size() * 9 / 10);
}

TEST(SceneMaker, KeepsEverythingInsideThePicture) {
  for (const Split split : {Split::kTrain, Split::kTest}) {
    for (const Scene* scene : all_pictures(split)) {
      for (const SceneObject& object : scene->objects) {
        const int half = half_extent(object.size, object.half_tangent);
        EXPECT_GE(object.x - half, 0) << caption(*scene);
        EXPECT_LE(object.x + half, kSceneSide) << caption(*scene);
        EXPECT_GE(object.y - half, 0) << caption(*scene);
        EXPECT_LE(object.y + half, kSceneSide) << caption(*scene);
      }
    }
  }
}

TEST(SceneMaker, LetsThingsNotOverlap) {
  for (const Scene* scene : all_pictures(Split::kTrain)) {
    for (size_t i = 0; i < scene->objects.size(); ++i) {
      for (size_t j = i + 1; j < scene->objects.size(); ++j) {
        const SceneObject& a = scene->objects[i];
        const SceneObject& b = scene->objects[j];
        const int reach = half_extent(a.size, a.half_tangent) + half_extent(b.size, b.half_tangent);
        EXPECT_GE(std::max(std::abs(a.x - b.x), std::abs(a.y - b.y)), reach) << caption(*scene);
      }
    }
  }
}

TEST(SceneMaker, PutsThingsAtThePlaceItNames) {
  int placed = 0;
  for (const Scene* scene : all_pictures(Split::kTest)) {
    for (const SceneObject& object : scene->objects) {
      if (object.place == Place::kNowhere) continue;
      const int column = object.x * 3 / kSceneSide;
      const int row = object.y * 3 / kSceneSide;
      EXPECT_EQ(static_cast<int>(object.place), row * 3 + column) << caption(*scene);
      ++placed;
    }
  }
  EXPECT_GT(placed, 300);
}

TEST(SceneMaker, ShowsNothingThatCannotBeSeen) {
  for (const Scene* scene : all_pictures(Split::kTest)) {
    for (const SceneObject& object : scene->objects) {
      EXPECT_TRUE(artwork().is_visible(object.thing, scene->ground)) << caption(*scene);
    }
  }
}

TEST(Pool, IsTheSameForTheSameSeedWhateverElseIsAsked) {
  const Pool again(maker(), {5, 300, 7, 4});
  const Pool other(maker(), {6, 300, 0, 4});
  int same = 0;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(caption(again.scene(i)), caption(pool().scene(i)));
    EXPECT_EQ(again.scene(i).texture, pool().scene(i).texture);
    same += other.scene(i).texture == pool().scene(i).texture ? 1 : 0;
  }
  EXPECT_EQ(same, 0);
}

TEST(Clips, ShowWhatTheirKindSays) {
  std::set<ClipKind> kinds;
  for (int i = 0; i < pool().clips(); ++i) {
    const Clip& clip = pool().clip(i);
    kinds.insert(clip.kind);
    const Scene& first = clip.frames.front();
    const Scene& last = clip.frames.back();
    ASSERT_GE(clip.frames.size(), 3u);
    ASSERT_LE(clip.frames.size(), 10u);
    switch (clip.kind) {
      case ClipKind::kMove:
        EXPECT_NE(first.objects.at(0).place, last.objects.at(0).place);
        break;
      case ClipKind::kParade:
        EXPECT_EQ(first.objects.at(0).thing, clip.things.front());
        EXPECT_EQ(last.objects.at(0).thing, clip.things.back());
        break;
      case ClipKind::kGrow:
        EXPECT_LT(first.objects.size(), last.objects.size());
        break;
      case ClipKind::kShrink:
        EXPECT_GT(first.objects.size(), last.objects.size());
        break;
      case ClipKind::kRecolour:
        EXPECT_NE(first.ground, last.ground);
        break;
      case ClipKind::kAppear:
        EXPECT_TRUE(first.objects.empty() && last.objects.size() == 1);
        break;
      case ClipKind::kVanish:
        EXPECT_TRUE(last.objects.empty() && first.objects.size() == 1);
        break;
    }
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(kClipKinds));
}

}  // namespace

}  // namespace owl3::test
