// What resizing and preparing promise for any image.
#include <random>

#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

Image make_noise(int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  Image image{width, height, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)};
  for (uint8_t& value : image.rgb) value = static_cast<uint8_t>(random());
  return image;
}

Image transposed(const Image& image) {
  Image result{image.height, image.width, std::vector<uint8_t>(image.rgb.size())};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      std::copy_n(image.rgb.begin() + (y * image.width + x) * 3, 3,
                  result.rgb.begin() + (x * image.height + y) * 3);
    }
  }
  return result;
}

TEST(ResizeBicubic, KeepsAFlatImageFlat) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {640, 11}, {3, 900}}) {
    Image flat{width, height, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3, 137)};
    for (const uint8_t value : resize_bicubic(flat, 56, 40).rgb) ASSERT_EQ(value, 137);
  }
}

TEST(ResizeBicubic, ReturnsAnImageOfTheSameSizeUnchanged) {
  const Image image = make_noise(31, 17, 1);
  EXPECT_EQ(resize_bicubic(image, 31, 17).rgb, image.rgb);
}

TEST(ResizeBicubic, TreatsBothAxesAlike) {
  const Image image = make_noise(37, 64, 2);
  EXPECT_EQ(transposed(resize_bicubic(image, 90, 64)).rgb,
            resize_bicubic(transposed(image), 64, 90).rgb);
}

// The rows of a large image are shared out to threads; those of a strip are not.
TEST(ResizeBicubic, DoesNotDependOnHowItsRowsAreSharedOut) {
  const Image image = make_noise(1500, 900, 3);
  const Image whole = resize_bicubic(image, 64, 900);
  for (const int row : {0, 1, 449, 450, 899}) {
    Image strip{1500, 1, {}};
    strip.rgb.assign(image.rgb.begin() + row * 4500, image.rgb.begin() + (row + 1) * 4500);
    const Image resized = resize_bicubic(strip, 64, 1);
    EXPECT_TRUE(
        std::equal(resized.rgb.begin(), resized.rgb.end(), whole.rgb.begin() + row * 64 * 3))
        << row;
  }
}

TEST(ResizeBicubic, HandlesExtremeShapes) {
  EXPECT_EQ(resize_bicubic(make_noise(100'000, 1, 4), 28, 28).rgb.size(), 28u * 28 * 3);
  EXPECT_EQ(resize_bicubic(make_noise(1, 100'000, 5), 28, 28).rgb.size(), 28u * 28 * 3);
  EXPECT_THROW(resize_bicubic(make_noise(2, 2, 6), 0, 5), UsageError);
}

TEST(PrepareImage, TilesPutTogetherAreTheResizedImage) {
  const Image image = make_noise(150, 100, 7);
  const ModelImages cut = prepare_image(image, 28, true);
  ASSERT_EQ(cut.images.size(), static_cast<size_t>(cut.grid.rows * cut.grid.cols + 1));
  const Image whole = resize_bicubic(image, cut.grid.cols * 28, cut.grid.rows * 28);
  for (int y = 0; y < whole.height; ++y) {
    for (int x = 0; x < whole.width; ++x) {
      const Image& tile = cut.images[y / 28 * cut.grid.cols + x / 28];
      ASSERT_EQ(tile.rgb[(y % 28 * 28 + x % 28) * 3], whole.rgb[(y * whole.width + x) * 3]);
    }
  }
  const ModelImages uncut = prepare_image(image, 28, false);
  EXPECT_EQ(uncut.grid.rows, 0);
  ASSERT_EQ(uncut.images.size(), 1u);
  EXPECT_EQ(uncut.images[0].rgb, cut.images.back().rgb);
}

TEST(NormalizePixels, MapsToMinusOneToOneByPlanes) {
  const Image image{2, 1, {0, 255, 51, 102, 128, 255}};
  float values[6];
  normalize_pixels(image, values);
  EXPECT_EQ(values[0], -1.0f);
  EXPECT_FLOAT_EQ(values[1], -0.2f);
  EXPECT_EQ(values[2], 1.0f);
  EXPECT_NEAR(values[3], 128 / 127.5 - 1, 1e-6);
  EXPECT_FLOAT_EQ(values[4], -0.6f);
  EXPECT_EQ(values[5], 1.0f);
}

}  // namespace
}  // namespace owl3
