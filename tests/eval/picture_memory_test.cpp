// Pictures that are remembered for all questions, as far as there is room.
#include "eval/picture_memory.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "media/encode_png.h"

namespace owl3 {
namespace {

class PictureMemoryTest : public testing::Test {
 protected:
  PictureMemoryTest() { write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, {}); }

  std::string picture(int number) const {
    const Image image = {40, 30, std::vector<uint8_t>(40 * 30 * 3, static_cast<uint8_t>(number))};
    const std::string name = std::to_string(number) + ".png";
    folder_.write(name, encode_png(image, 1));
    return (folder_ / name).string();
  }

  ScratchFolder folder_;
};

TEST_F(PictureMemoryTest, LetsGoOfThoseOfOtherQuestionsWhereRoomIsWanted) {
  const Model model = Model::load(folder_.path());
  PictureMemory unbounded(model);
  const auto bytes = static_cast<int64_t>(unbounded.media({picture(1)}, {}).front().bytes());
  PictureMemory pictures(model, {3 * bytes});
  for (int number = 1; number < 9; ++number) {
    EXPECT_EQ(pictures.media({picture(number), picture(number + 1)}, {}).size(), 2U);
    EXPECT_LE(pictures.memory().stats().bytes, 3 * bytes);
  }
  EXPECT_EQ(pictures.memory().stats().images_encoded, 9) << "the second of each was known";
  EXPECT_THROW(pictures.media({picture(11), picture(12), picture(13), picture(14)}, {}),
               InputError);
}

}  // namespace
}  // namespace owl3
