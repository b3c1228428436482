// Pictures read ahead of what encodes them, and memories that many share within a budget.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "api/impl.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "media/encode_png.h"
#include "memory/picture_stream.h"
#include "memory/record_layout.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kFilm = fs::path(OWL3_SOURCE_DIR) / "demo" / "ball.mp4";
const fs::path kStill = fs::path(OWL3_TEST_DATA) / "media" / "screen.mp4";

class EncodingTest : public testing::Test {
 protected:
  EncodingTest() { write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, {}); }

  Model load(const ModelOptions& options = {}) const {
    return Model::load(folder_.path(), options);
  }
  static size_t bytes_per_image(const Model& model) {
    return static_cast<size_t>(
        owl3::bytes_per_image(Internals::of(model).model, Internals::of(model).options));
  }
  static VisualMemoryOptions room_for(size_t images, const Model& model) {
    return {static_cast<int64_t>(images * bytes_per_image(model))};
  }
  /// A picture of one colour, as a file.
  fs::path picture(int number) const {
    Image image = {40, 30, std::vector<uint8_t>(40 * 30 * 3, static_cast<uint8_t>(number * 20))};
    const std::string name = "picture-" + std::to_string(number) + ".png";
    folder_.write(name, encode_png(image, 1));
    return folder_ / name;
  }
  std::vector<fs::path> pictures(int first, int last) const {
    std::vector<fs::path> paths;
    for (int number = first; number <= last; ++number) paths.push_back(picture(number));
    return paths;
  }
  ScratchFolder folder_;
  ImageOptions whole_ = [] {
    ImageOptions options;
    options.cut = false;
    return options;
  }();
};

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PictureStream, ReadsAheadWithinBounds) {
  std::atomic<int> taken = 0;
  PictureSeconds seconds;
  PictureStream stream(1, seconds, [&]() -> std::optional<std::function<Picture()>> {
    const int number = taken++;
    return [number] {
      Picture picture;
      picture.frame_seconds = number;
      return picture;
    };
  });
  for (int number = 0; number < 3; ++number) {
    EXPECT_EQ(stream.next([] {})->frame_seconds, number);
  }
  while (taken < 3 + 8) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(taken, 3 + 8 + 1);
}

TEST(PictureStream, AsksWhileItWaitsWhetherToGoOn) {
  PictureSeconds seconds;
  std::atomic<bool> goes_on = true;
  PictureStream stream(1, seconds, [&]() -> std::optional<std::function<Picture()>> {
    while (goes_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::nullopt;
  });
  int asked = 0;
  EXPECT_THROW(stream.next([&] {
    if (++asked == 2) {
      goes_on = false;
      throw Interrupted("by the caller");
    }
  }),
               Interrupted);
}

TEST(PictureStream, ReadsNothingAheadOnOneThread) {
  int taken = 0;
  PictureSeconds seconds;
  PictureStream stream(0, seconds, [&]() -> std::optional<std::function<Picture()>> {
    ++taken;
    return [] { return Picture(); };
  });
  stream.next([] {});
  stream.next([] {});
  EXPECT_EQ(taken, 2);
  EXPECT_GT(seconds.work(), 0);
}

TEST_F(EncodingTest, AnImageThatManyAskForAtOnceIsEncodedOnce) {
  VisualMemory memory(load());
  const std::vector<fs::path> paths = pictures(1, 8);
  std::vector<std::vector<Medium>> media(4);
  {
    std::vector<std::jthread> threads;
    for (std::vector<Medium>& own : media) {
      threads.emplace_back([&] {
        own = memory.add_images(paths, whole_);
        own.push_back(memory.add_video(kFilm));
      });
    }
  }
  const int64_t film = media[0].back().images();
  EXPECT_LE(memory.stats().images_encoded, 8 + film);
  EXPECT_EQ(memory.stats().images_encoded, memory.stats().images);
  EXPECT_EQ(memory.stats().images_encoded + memory.stats().images_reused, 4 * (8 + film));
  for (const std::vector<Medium>& own : media) {
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(Internals::of(own[i]).images, Internals::of(media[0][i]).images) << i;
    }
  }
}

TEST(Encoding, AnImageIsTheSameBitsWhateverIsEncodedWithIt) {
  const fs::path source = OWL3_SOURCE_DIR;
  const Model model = Model::load(source / "models" / "owlet.gguf");
  const auto record_of = [](const Medium& medium) {
    const ImageMemory& memory = *Internals::of(medium).images.front();
    return RecordLayout::of(memory).write(memory);
  };
  std::vector<fs::path> paths;
  for (const char* name : {"01.jpg", "02.jpg", "03.jpg", "04.jpg", "05.jpg"}) {
    paths.push_back(source / "demo" / "album" / name);
  }
  VisualMemory together(model);
  const std::vector<Medium> media = together.add_images(paths);
  for (size_t i = 0; i < paths.size(); ++i) {
    VisualMemory alone(model);
    EXPECT_TRUE(record_of(alone.add_image(paths[i])) == record_of(media[i])) << paths[i];
  }
}

TEST_F(EncodingTest, WhoWaitsForAnEncodingThatIsInterruptedDoesItHimself) {
  VisualMemory memory(load());
  const std::vector<fs::path> paths = pictures(1, 3);
  std::atomic<bool> other_has_begun = false;
  std::jthread interrupted([&] {
    EXPECT_THROW(memory.add_images(paths, whole_,
                                   [&](std::string_view stage, int64_t done, int64_t) {
                                     if (stage != "encoding images" || done < 1) return true;
                                     while (!other_has_begun) std::this_thread::yield();
                                     return false;
                                   }),
                 Interrupted);
  });
  other_has_begun = true;
  EXPECT_EQ(memory.add_images(paths, whole_).size(), 3U);
  interrupted.join();
  EXPECT_EQ(memory.stats().images, 3);
}

TEST_F(EncodingTest, WhatNobodyHoldsMakesWay) {
  const Model model = load();
  VisualMemory memory(model, room_for(3, model));
  const Medium kept = memory.add_image(picture(1), whole_);
  for (int number = 2; number < 9; ++number) memory.add_image(picture(number), whole_);
  EXPECT_EQ(memory.stats().images, 3);
  EXPECT_EQ(memory.stats().images_evicted, 5);
  EXPECT_EQ(memory.stats().held_bytes, kept.bytes());
  EXPECT_LE(memory.bytes(), 3 * bytes_per_image(model));
  const int64_t encoded = memory.stats().images_encoded;
  EXPECT_EQ(Internals::of(memory.add_image(picture(1), whole_)).images, Internals::of(kept).images);
  EXPECT_EQ(memory.stats().images_encoded, encoded);
}

TEST_F(EncodingTest, WhatAConversationHoldsStays) {
  const Model model = load();
  VisualMemory memory(model, room_for(2, model));
  Chat chat(model);
  chat.add_exchange("What is this?", {memory.add_image(picture(1), whole_)}, "A wall.");
  for (int number = 2; number < 5; ++number) memory.add_image(picture(number), whole_);
  const int64_t encoded = memory.stats().images_encoded;
  memory.add_image(picture(1), whole_);
  EXPECT_EQ(memory.stats().images_encoded, encoded);
  const std::vector<fs::path> two = {picture(6), picture(7)};
  EXPECT_NE(refusal_of([&] { memory.add_images(two, whole_); }), "");
  chat.clear();
  EXPECT_EQ(memory.add_images(two, whole_).size(), 2U);
}

TEST_F(EncodingTest, TooManyImagesAreRefusedBeforeAnyIsEncoded) {
  const Model model = load();
  VisualMemory memory(model, room_for(4, model));
  const Medium held = memory.add_image(picture(1), whole_);
  const std::string refusal = refusal_of([&] { memory.add_images(pictures(2, 5), whole_); });
  EXPECT_NE(refusal.find("picture-2.png and 3 more: 4 images need"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("are in use"), std::string::npos) << refusal;
  EXPECT_EQ(memory.stats().images_encoded, 1);
  EXPECT_EQ(memory.add_images(pictures(2, 4), whole_).size(), 3U);
}

TEST_F(EncodingTest, WhatIsHeldAlreadyTakesNoRoom) {
  const Model model = load();
  VisualMemory memory(model, room_for(5, model));
  const std::vector<Medium> held = memory.add_images(pictures(1, 4), whole_);
  EXPECT_EQ(memory.add_images(pictures(1, 5), whole_).size(), 5U) << "only the fifth is new";
  EXPECT_EQ(memory.stats().images_encoded, 5);
  std::vector<fs::path> often(20, picture(3));
  EXPECT_EQ(memory.add_images(often, whole_).size(), 20U) << "and what comes often, once";
}

TEST_F(EncodingTest, FramesThatAreOnTheScreenStillTakeNoRoom) {
  const Model model = load();
  VideoOptions options;  // of its minutes, which change in their first second only
  options.fps = 0.2;
  options.end_seconds = 120;
  VisualMemory unbounded(model);
  const Medium film = unbounded.add_video(kStill, options);
  const auto distinct = static_cast<size_t>(unbounded.stats().images);
  ASSERT_LT(distinct, static_cast<size_t>(film.images()));
  VisualMemory bounded(model, room_for(distinct, model));
  const Medium first = bounded.add_video(kStill, options);
  const Medium second = bounded.add_video(kStill, options);
  EXPECT_EQ(first.images(), film.images());
  EXPECT_EQ(Internals::of(first).images, Internals::of(second).images);
  VisualMemory small(model, room_for(distinct - 1, model));
  EXPECT_NE(refusal_of([&] { small.add_video(kStill, options); }), "");
  EXPECT_EQ(small.stats().images_encoded, 0);
}

TEST_F(EncodingTest, ModelsMayShareABudgetAndWhatIsCommonToThem) {
  const Model model = load();
  ModelOptions precise;
  precise.precision = Precision::kFloat32;
  VisualMemory first(model, room_for(8, model));
  const Medium medium = first.add_image(picture(1), whole_);
  VisualMemory same(load(), first);
  EXPECT_EQ(Internals::of(same.add_image(picture(1), whole_)).images, Internals::of(medium).images);
  EXPECT_EQ(same.stats().images_encoded, 0);
  VisualMemory other(load(precise), first);
  const Medium exact = other.add_image(picture(1), whole_);
  EXPECT_EQ(other.stats().images_encoded, 1);
  EXPECT_EQ(other.stats().bytes, static_cast<int64_t>(medium.bytes() + exact.bytes()));
  EXPECT_EQ(first.stats().bytes, other.stats().bytes);
  EXPECT_EQ(first.stats().budget_bytes, other.stats().budget_bytes);
}

TEST_F(EncodingTest, TheRoomAskedForAnImageIsWhatItTakes) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    for (const bool int8 : {false, true}) {
      ModelOptions options;
      options.precision = precision;
      options.visual_memory_int8 = int8;
      const Model model = load(options);
      VisualMemory memory(model);
      EXPECT_EQ(memory.add_image(picture(1), whole_).bytes(), bytes_per_image(model));
    }
  }
}

TEST_F(EncodingTest, WhatMadeWayComesBackFromAFolder) {
  const Model model = load();
  VisualMemoryOptions options = room_for(2, model);
  options.folder = folder_ / "kept";
  VisualMemory unbounded(model);
  const Medium alone = unbounded.add_image(picture(2), whole_);
  VisualMemory memory(model, options);
  for (int number = 1; number <= 6; ++number) memory.add_image(picture(number), whole_);
  const VisualMemoryStats before = memory.stats();
  EXPECT_EQ(before.images_evicted, 4);
  EXPECT_EQ(before.images_restored, 0);
  const Medium again = memory.add_image(picture(1), whole_);
  EXPECT_EQ(memory.stats().images_encoded, before.images_encoded);
  EXPECT_EQ(memory.stats().images_restored, 1);
  EXPECT_LE(memory.bytes(), 2 * bytes_per_image(model));
  VisualMemory later(load(), options);  // another process
  const Medium found = later.add_image(picture(2), whole_);
  EXPECT_EQ(later.stats().images_encoded, 0);
  for (const auto part : {&KeyValueBlock::keys, &KeyValueBlock::values}) {
    const Tensor& kept = Internals::of(found).images[0]->layers[0].*part;
    const Tensor& made = Internals::of(alone).images[0]->layers[0].*part;
    ASSERT_EQ(kept.size_bytes(), made.size_bytes());
    EXPECT_EQ(std::memcmp(kept.raw(), made.raw(), made.size_bytes()), 0);
  }
  ModelOptions int8;
  int8.visual_memory_int8 = true;
  VisualMemory other(load(int8), options);
  other.add_image(picture(2), whole_);
  EXPECT_EQ(other.stats().images_encoded, 1) << "of another precision";
}

TEST_F(EncodingTest, AFolderIsKeptWithinItsBudgetAndDamageIsNotUsed) {
  const Model model = load();
  VisualMemoryOptions options = room_for(1, model);
  options.folder = folder_ / "kept";
  options.folder_budget_bytes = static_cast<int64_t>(3 * (bytes_per_image(model) + 8192));
  {
    VisualMemory memory(model, options);
    for (int number = 1; number <= 9; ++number) memory.add_image(picture(number), whole_);
  }
  std::vector<fs::path> files;
  int64_t bytes = 0;
  for (const auto& file : fs::directory_iterator(options.folder)) {
    files.push_back(file.path());
    bytes += static_cast<int64_t>(file.file_size());
  }
  EXPECT_GE(files.size(), 2U);
  EXPECT_LE(bytes, options.folder_budget_bytes);
  for (const fs::path& file : files) {
    std::string content = read_text(file);
    content[content.size() - 3000] = static_cast<char>(content[content.size() - 3000] ^ 1);
    std::ofstream(file, std::ios::binary) << content;
  }
  VisualMemory memory(model, options);
  for (int number = 1; number <= 9; ++number) memory.add_image(picture(number), whole_);
  EXPECT_EQ(memory.stats().images_encoded, 9);
  EXPECT_EQ(memory.stats().images_restored, 0);
  options.folder = picture(1);
  EXPECT_THROW(VisualMemory(model, options), InputError);
}

TEST_F(EncodingTest, ABudgetIsNotNegative) {
  EXPECT_THROW(VisualMemory(load(), VisualMemoryOptions{-1}), UsageError);
}

}  // namespace
}  // namespace owl3
