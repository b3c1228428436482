// Animated pictures as films: when each frame is shown, and what is on the canvas then. How the
// files were made: tests/data/media/README.md.
#include <zlib.h>

#include <array>

#include "media/video.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;

using Rgb = std::array<int, 3>;
constexpr Rgb kRed{255, 0, 0};
constexpr Rgb kGreen{0, 255, 0};
constexpr Rgb kBlue{0, 0, 255};
constexpr Rgb kCyan{0, 255, 255};
constexpr Rgb kWhite{255, 255, 255};

constexpr VideoOptions kEveryFrame{.fps = 1000, .max_frames = 1000};

std::vector<VideoFrame> frames_of(const std::filesystem::path& path,
                                  const VideoOptions& options = kEveryFrame) {
  VideoReader reader = VideoReader::open(path, options);
  std::vector<VideoFrame> frames;
  while (auto frame = reader.next()) frames.push_back(std::move(*frame));
  EXPECT_EQ(static_cast<int64_t>(frames.size()), reader.frames()) << path;
  return frames;
}

void expect_pixel(const VideoFrame& frame, int x, int y, const Rgb& expected) {
  const uint8_t* at = frame.image.rgb.data() + 3 * (static_cast<size_t>(y) * frame.image.width + x);
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_NEAR(at[channel], expected[channel], 2)
        << "frame " << frame.index << " at " << x << ", " << y;
  }
}

void expect_times(const std::vector<VideoFrame>& frames, const std::vector<double>& times) {
  ASSERT_EQ(frames.size(), times.size());
  for (size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(frames[i].seconds, times[i], 1e-6) << i;
}

TEST(Animation, OfGifIsDrawnAsItsFramesSay) {
  const auto frames = frames_of(data_file("media/animation.gif"));
  expect_times(frames, {0, 1, 1.5, 3.5, 3.6});  // a delay of 0 is 0.1 s, as in browsers
  expect_pixel(frames[0], 5, 5, kRed);
  expect_pixel(frames[1], 5, 5, kGreen);
  expect_pixel(frames[1], 25, 5, kRed);
  expect_pixel(frames[2], 5, 5, kRed);  // the green was taken away again
  expect_pixel(frames[2], 25, 5, kBlue);
  expect_pixel(frames[3], 5, 22, {255, 255, 0});
  expect_pixel(frames[3], 17, 22, kRed);  // seen through
  expect_pixel(frames[3], 25, 5, kBlue);
  expect_pixel(frames[4], 35, 18, kCyan);
  expect_pixel(frames[4], 5, 5, kRed);
}

TEST(Animation, OfWebpIsDrawnAsItsFramesSay) {
  const auto frames = frames_of(data_file("media/animation.webp"));
  expect_times(frames, {0, 1, 1.5, 3.5, 3.6});
  expect_pixel(frames[0], 5, 5, kRed);
  expect_pixel(frames[1], 5, 5, kGreen);
  expect_pixel(frames[1], 25, 5, kRed);
  expect_pixel(frames[2], 5, 5, kWhite);          // cleared: white stands behind it
  expect_pixel(frames[2], 25, 5, {127, 0, 127});  // half of blue over red
  expect_pixel(frames[3], 5, 5, kWhite);
  expect_pixel(frames[3], 25, 5, {127, 0, 127});
  expect_pixel(frames[4], 35, 18, kCyan);
  expect_pixel(frames[4], 25, 5, {127, 0, 127});
}

TEST(Animation, OfAvifIsThePicturesAndNotTheirAlpha) {
  const auto frames = frames_of(data_file("media/animation.avif"));
  expect_times(frames, {0, 0.7, 1.4});
  expect_pixel(frames[0], 20, 20, kRed);
  expect_pixel(frames[1], 20, 20, kGreen);
  expect_pixel(frames[2], 20, 20, kBlue);
}

class Apng {
 public:
  using Colour = std::array<uint8_t, 4>;
  enum Dispose { kNone, kBackground, kPrevious };
  enum Blend { kSource, kOver };

  Apng(uint32_t width, uint32_t height, uint32_t frames) {
    bytes_ = "\x89PNG\r\n\x1a\n";
    chunk("IHDR", be32(width) + be32(height) + std::string("\x08\x06\0\0\0", 5));
    chunk("acTL", be32(frames) + be32(0));
  }

  void frame(uint32_t x, uint32_t y, uint32_t width, uint32_t height, Colour colour,
             uint16_t milliseconds, Dispose dispose, Blend blend) {
    std::string control = be32(sequence_++);
    for (const uint32_t value : {width, height, x, y}) control += be32(value);
    control += be16(milliseconds) + be16(1000);
    control += {static_cast<char>(dispose), static_cast<char>(blend)};
    chunk("fcTL", control);
    const bool first = sequence_ == 1;
    chunk(first ? "IDAT" : "fdAT",
          (first ? "" : be32(sequence_++)) + pixels(width, height, colour));
  }

  std::string finish() {
    chunk("IEND", "");
    return bytes_;
  }

 private:
  static std::string be16(uint16_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
  }
  static std::string be32(uint32_t value) {
    return be16(static_cast<uint16_t>(value >> 16)) + be16(static_cast<uint16_t>(value & 0xffff));
  }
  static std::string pixels(uint32_t width, uint32_t height, Colour colour) {
    std::string rows;
    for (uint32_t y = 0; y < height; ++y) {
      rows += '\0';
      for (uint32_t x = 0; x < width; ++x) rows.append(colour.begin(), colour.end());
    }
    uLongf size = compressBound(rows.size());
    std::string packed(size, '\0');
    compress(reinterpret_cast<Bytef*>(packed.data()), &size,
             reinterpret_cast<const Bytef*>(rows.data()), rows.size());
    packed.resize(size);
    return packed;
  }
  void chunk(const std::string& type, const std::string& data) {
    const std::string body = type + data;
    const auto checksum =
        crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    bytes_ +=
        be32(static_cast<uint32_t>(data.size())) + body + be32(static_cast<uint32_t>(checksum));
  }

  std::string bytes_;
  uint32_t sequence_ = 0;
};

TEST(Animation, OfApngIsDrawnAsItsFramesSay) {
  Apng apng(40, 40, 5);
  apng.frame(0, 0, 40, 40, {255, 0, 0, 255}, 1000, Apng::kNone, Apng::kSource);
  apng.frame(0, 0, 20, 40, {0, 255, 0, 255}, 500, Apng::kPrevious, Apng::kOver);
  apng.frame(20, 0, 20, 40, {0, 0, 255, 128}, 2000, Apng::kBackground, Apng::kOver);
  apng.frame(0, 0, 10, 40, {7, 7, 7, 0}, 100, Apng::kNone, Apng::kSource);
  apng.frame(30, 14, 10, 10, {0, 255, 255, 255}, 3000, Apng::kNone, Apng::kOver);
  const std::string bytes = apng.finish();
  const test::TemporaryFolder folder;
  const auto frames = frames_of(folder.write("a.png", bytes.data(), bytes.size()));
  expect_times(frames, {0, 1, 1.5, 3.5, 3.6});
  expect_pixel(frames[0], 5, 5, kRed);
  expect_pixel(frames[1], 5, 5, kGreen);
  expect_pixel(frames[1], 25, 5, kRed);
  expect_pixel(frames[2], 5, 5, kRed);
  expect_pixel(frames[2], 25, 5, {127, 0, 128});
  expect_pixel(frames[3], 5, 5, kWhite);  // nothing is there
  expect_pixel(frames[3], 15, 5, kRed);
  expect_pixel(frames[3], 25, 5, kWhite);
  expect_pixel(frames[4], 35, 18, kCyan);
}

TEST(Animation, SomeFramesAreThoseOfAll) {
  for (const char* name : {"animation.gif", "animation.webp", "animation.avif"}) {
    const auto path = data_file(std::string("media/") + name);
    const auto all = frames_of(path);
    for (const auto& frame : frames_of(path, {.fps = 1000, .max_frames = 2})) {
      EXPECT_TRUE(frame.image.rgb == all[frame.index].image.rgb) << name << frame.index;
    }
  }
}

TEST(Animation, ThatIsCutOffEndsWithItsLastWholeFrame) {
  const auto bytes = test::read_file(data_file("media/animation.webp"));
  const test::TemporaryFolder folder;
  for (size_t size = 1; size < bytes.size(); ++size) {
    const auto path = folder.write("cut.webp", bytes.data(), size);
    try {
      VideoReader reader = VideoReader::open(path, kEveryFrame);
      EXPECT_NE(reader.warning().find("breaks off"), std::string::npos) << size;
      int64_t frames = 0;
      while (reader.next()) ++frames;
      EXPECT_EQ(frames, reader.frames()) << size;
    } catch (const InputError&) {
      EXPECT_LT(size, 120U);  // not even the first frame
    }
  }
}

TEST(Animation, AStillPictureIsAFilmOfOneFrame) {
  for (const char* name : {"00-RGB-1x1.png", "08-RGB-200x150.jpg"}) {
    EXPECT_EQ(frames_of(data_file(std::string("images/") + name)).size(), 1U) << name;
  }
}

TEST(Animation, ThatClaimsTooLargeACanvasIsRefused) {
  auto bytes = test::read_file(data_file("media/animation.webp"));
  for (const size_t at : {24, 25, 27, 28}) bytes[at] = std::byte{0xff};  // VP8X: 16 million a side
  const test::TemporaryFolder folder;
  const auto path = folder.write("large.webp", bytes.data(), bytes.size());
  EXPECT_THROW(VideoReader::open(path, {}), InputError);
}

}  // namespace
}  // namespace owl3
