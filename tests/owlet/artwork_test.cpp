// Stickers, shapes and letters, and scenes drawn with them.
#include "owlet/artwork.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "media/content_hash.h"
#include "media/encode_png.h"
#include "owlet/catalogue.h"
#include "owlet_fixture.h"

namespace owl3::test {

namespace {

Scene plain_scene(int ground) {
  Scene scene;
  scene.ground = ground;
  scene.texture = 3;
  return scene;
}

/// Pixels of `image` that are far from those of `other`.
struct Difference {
  int left = 1 << 20, top = 1 << 20, right = -1, bottom = -1, count = 0;
};
Difference difference(const Image& image, const Image& other) {
  Difference found;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const size_t at = (static_cast<size_t>(y) * image.width + x) * 3;
      int sum = 0;
      for (size_t c = 0; c < 3; ++c) sum += std::abs(image.rgb[at + c] - other.rgb[at + c]);
      if (sum < 12) continue;
      found = {std::min(found.left, x), std::min(found.top, y), std::max(found.right, x),
               std::max(found.bottom, y), found.count + 1};
    }
  }
  return found;
}

TEST(Catalogue, NamesAreDifferentFromEachOtherAndFromWrittenWords) {
  std::set<std::string> names;
  for (const Thing& thing : things()) {
    EXPECT_TRUE(names.insert(thing.singular).second) << thing.singular;
    EXPECT_FALSE(thing.plural.empty());
    EXPECT_FALSE(thing.kind.empty());
  }
  for (const NamedColour& colour : kColours)
    EXPECT_TRUE(names.insert(std::string(colour.name)).second);
  for (const std::string_view word : written_words()) {
    EXPECT_TRUE(names.insert(std::string(word)).second) << word;
    EXPECT_LE(word.size(), 5u);
    EXPECT_TRUE(std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; }));
  }
  EXPECT_GE(emoji_count(), 150);
}

TEST(Artwork, TellsWhichFontIsMissing) {
  try {
    const Artwork work({"/nowhere/emoji.ttf", FontPaths().letters});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "/nowhere/emoji.ttf: no such font; Debian's package fonts-noto-color-emoji brings "
                 "it");
  }
}

TEST(Artwork, RefusesAFontWithoutColours) {
  EXPECT_THROW(Artwork({FontPaths().letters, FontPaths().letters}), InputError);
  EXPECT_THROW(Artwork({__FILE__, FontPaths().letters}), InputError);
}

TEST(Artwork, HidesNothingOfItsOwnColour) {
  for (size_t thing = 0; thing < things().size(); ++thing) {
    int grounds = 0;
    for (int ground = 0; ground < static_cast<int>(kColours.size()); ++ground) {
      const bool visible = artwork().is_visible(static_cast<int>(thing), ground);
      grounds += visible ? 1 : 0;
      if (things()[thing].is_shape()) {
        EXPECT_EQ(visible, things()[thing].colour != ground);
      }
    }
    EXPECT_GE(grounds, 6) << things()[thing].singular;
  }
}

TEST(Render, PutsThingsWhereTheSceneSays) {
  for (const double half_tangent : {0.0, 0.12}) {
    Scene scene = plain_scene(0);
    const Image ground = render(scene, artwork(), 64);
    const int square = emoji_count() + static_cast<int>(kColours.size()) + 4;  // a blue square
    ASSERT_EQ(things()[static_cast<size_t>(square)].singular, "blue square");
    const int half_tangent_units = static_cast<int>(half_tangent * 1024);
    scene.objects.push_back({square, 300, 600, 400, half_tangent_units, Place::kNowhere});
    const Difference found = difference(render(scene, artwork(), 64), ground);
    const int half = half_extent(400, half_tangent_units);
    // The square's bounds, to the pixel; 64 pixels are 1024 units.
    EXPECT_NEAR(found.left, (300 - half) / 16.0, 1);
    EXPECT_NEAR(found.right, (300 + half) / 16.0 - 1, 1);
    EXPECT_NEAR(found.top, (600 - half) / 16.0, 1);
    EXPECT_NEAR(found.bottom, (600 + half) / 16.0 - 1, 1);
    EXPECT_NEAR(found.count, 25 * 25, 60);
  }
}

TEST(Render, TintsShapesAndNoEmoji) {
  Scene scene = plain_scene(4);
  const int red_circle = emoji_count();
  scene.objects.push_back({red_circle, 512, 512, 500, 0, Place::kNowhere});
  const Image image = render(scene, artwork(), 64);
  const size_t middle = (32 * 64 + 32) * 3;
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(image.rgb[middle + c], kColours[0].rgb[c], 1);
}

TEST(Render, GivesTheSamePixelsWheneverAndAtAnyPlaceInTheProgram) {
  for (int i = 0; i < 20; ++i) {
    const Scene& scene = pool().scene(i);
    EXPECT_EQ(content_hash(render(scene, artwork(), 64)),
              content_hash(render(scene, Artwork(), 64)));
    if (i == 1) break;  // reading the fonts anew takes a while
  }
}

TEST(Render, StaysTheSameFromVersionToVersion) {
  // A ground and a shape: independent of the fonts' versions.
  Scene scene = plain_scene(3);
  scene.noise = 12;
  scene.objects.push_back({emoji_count() + 33, 400, 500, 500, 60, Place::kNowhere});
  const Image image = render(scene, artwork(), 48);
  uint64_t hash = 0;
  for (const uint8_t byte : image.rgb) hash = mix_bits(hash + byte + 1);
  EXPECT_EQ(hash, 10393880218290340613u)
      << "the pixels have changed: data sets and cached features with them";
}

TEST(Render, DrawsAtAnySize) {
  for (const int side : {16, 64, 224}) {
    const Image image = render(pool().scene(0), artwork(), side);
    EXPECT_EQ(image.width, side);
    EXPECT_EQ(image.rgb.size(), static_cast<size_t>(side) * side * 3);
  }
}

TEST(EncodePng, GivesBackThePixels) {
  for (const int level : {0, 1, 9}) {
    const Image image = render(pool().scene(7), artwork(), 33);
    const std::string bytes = encode_png(image, level);
    const Image back = decode_image(std::as_bytes(std::span(bytes)), "test");
    EXPECT_EQ(back.width, 33);
    EXPECT_EQ(back.rgb, image.rgb);
  }
}

}  // namespace

}  // namespace owl3::test
