#include "training_data/batch.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

TEST(ImageHash, DependsOnPixelsAndShapeOnly) {
  const Image image{2, 1, {1, 2, 3, 4, 5, 6}};
  const Image upright{1, 2, {1, 2, 3, 4, 5, 6}};
  const Image other{2, 1, {1, 2, 3, 4, 5, 7}};
  EXPECT_EQ(image_hash_of(image), image_hash_of(Image(image)));
  EXPECT_NE(image_hash_of(image), image_hash_of(upright));
  EXPECT_NE(image_hash_of(image), image_hash_of(other));
}

}  // namespace
}  // namespace owl3
