// Sampling and decoding of films. The clips are described in tests/data/media/README.md.
#include "media/video.h"

#include <algorithm>
#include <map>

#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;

using Frames = std::vector<int64_t>;

TEST(SampleFrames, FollowsTheOfficialSampler) {
  EXPECT_EQ(sample_frames(300, 30, 1, 8), (Frames{0, 30, 90, 120, 150, 180, 240, 270}));
  EXPECT_EQ(sample_frames(300, 30, 1, 16), (Frames{0, 30, 60, 90, 120, 150, 180, 210, 240, 270}));
  EXPECT_EQ(sample_frames(3000, 29.97, 1, 16),
            (Frames{90, 270, 450, 630, 840, 1020, 1200, 1380, 1590, 1770, 1950, 2130, 2340, 2520,
                    2700, 2880}));
}

TEST(SampleFrames, RoundsHalfToEvenAndCountsZeroAsOne) {
  EXPECT_EQ(sample_frames(50, 24.5, 1, 9), (Frames{0, 24, 48}));
  EXPECT_EQ(sample_frames(60, 25.5, 1, 9), (Frames{0, 26, 52}));
  EXPECT_EQ(sample_frames(3, 0.5, 1, 9), (Frames{0, 1, 2}));
  EXPECT_EQ(sample_frames(3, 0.0, 1, 9), (Frames{0, 1, 2}));
}

TEST(SampleFrames, TakesAllWhenThereAreFewer) {
  EXPECT_EQ(sample_frames(5, 1, 1, 8), (Frames{0, 1, 2, 3, 4}));
  EXPECT_EQ(sample_frames(0, 25, 1, 8), Frames{});
  EXPECT_EQ(sample_frames(100, 25, 5, 100).size(), 20u);
  EXPECT_EQ(sample_frames(int64_t{1} << 60, 25, 1e-300, 128), Frames{0});
}

TEST(SampleFrames, RefusesWhatMeansNothing) {
  EXPECT_THROW(sample_frames(10, 25, 0, 8), UsageError);
  EXPECT_THROW(sample_frames(10, 25, -1, 8), UsageError);
  EXPECT_THROW(sample_frames(10, 25, 1, 0), UsageError);
}

std::vector<VideoFrame> read_all(const std::string& clip, VideoOptions options) {
  VideoReader reader = VideoReader::open(data_file("media/" + clip), options);
  std::vector<VideoFrame> frames;
  while (auto frame = reader.next()) frames.push_back(std::move(*frame));
  EXPECT_EQ(static_cast<int64_t>(frames.size()), reader.frames()) << clip;
  return frames;
}

constexpr VideoOptions kEveryFrame{.fps = 1000, .max_frames = 1 << 20};

// The counts are those of ffprobe -count_frames.
const std::map<std::string, int64_t> kFrameCounts = {
    {"h264-bframes.mp4", 250}, {"h264-long-gop.mp4", 180}, {"h264-open-gop.ts", 100},
    {"vfr.mkv", 90},           {"mpeg4-bframes.avi", 60},  {"mpeg4.avi", 60},
    {"vp9.webm", 100},         {"vp8.webm", 100},          {"mjpeg.mov", 30},
    {"rotated.mp4", 10}};

TEST(VideoReader, CountsFramesExactlyAndYieldsEachOnce) {
  for (const auto& [clip, count] : kFrameCounts) {
    const auto frames = read_all(clip, kEveryFrame);
    ASSERT_EQ(static_cast<int64_t>(frames.size()), count) << clip;
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(frames[i].index, i) << clip;
      if (i > 0) {
        EXPECT_GT(frames[i].seconds, frames[i - 1].seconds) << clip;
      }
    }
  }
}

TEST(VideoReader, SeekingAndSkippingYieldTheFramesOfDecodingThrough) {
  for (const auto& [clip, count] : kFrameCounts) {
    const auto all = read_all(clip, kEveryFrame);
    for (const int64_t wanted : {1, 2, 3, 5, 7, 17}) {
      for (const int threads : {1, 3}) {
        const auto some = read_all(clip, {.fps = 1000, .max_frames = wanted, .threads = threads});
        ASSERT_EQ(static_cast<int64_t>(some.size()), std::min(wanted, count)) << clip;
        for (const VideoFrame& frame : some) {
          EXPECT_TRUE(frame.image.rgb == all[frame.index].image.rgb) << clip << " " << frame.index;
          EXPECT_EQ(frame.seconds, all[frame.index].seconds) << clip;
        }
      }
    }
  }
}

TEST(VideoReader, YieldsTheFramesChosenByTheirNumbers) {
  for (const auto& [clip, count] : kFrameCounts) {
    const auto all = read_all(clip, kEveryFrame);
    const Frames wanted = {0, 2, 2, count / 2, count - 1, count - 1};
    int64_t told = 0;
    const auto choose = [&, most = count](int64_t frames, double fps) {
      told = frames;
      EXPECT_GT(fps, 0);
      EXPECT_EQ(frames, most);
      return wanted;
    };
    VideoReader reader = VideoReader::open(data_file("media/" + clip), choose, {.max_frames = 1});
    EXPECT_EQ(told, count) << clip;
    ASSERT_EQ(reader.frames(), std::ssize(wanted)) << clip;
    for (const int64_t number : wanted) {
      const auto frame = reader.next();
      ASSERT_TRUE(frame) << clip;
      EXPECT_EQ(frame->index, number) << clip;
      // One that comes again comes with its pixels once.
      if (!frame->repeated) {
        EXPECT_TRUE(frame->image.rgb == all[number].image.rgb) << clip << " " << number;
      }
    }
    EXPECT_FALSE(reader.next());
  }
}

TEST(VideoReader, TellsTheContainersRateToWhoChoosesByNumber) {
  const auto rate_of = [](const char* clip) {
    double rate = 0;
    VideoReader::open(data_file(std::string("media/") + clip),
                      [&](int64_t, double fps) {
                        rate = fps;
                        return Frames{0};
                      },
                      {});
    return rate;
  };
  EXPECT_DOUBLE_EQ(rate_of("h264-bframes.mp4"), 25);
  EXPECT_NEAR(rate_of("slow.mp4"), 1.5, 1e-9);
  EXPECT_NEAR(rate_of("animation.webp"), 5 / 6.6, 1e-9);  // that tells none
}

TEST(VideoReader, RefusesNumbersThatCannotBe) {
  const auto clip = data_file("media/mjpeg.mov");
  for (const Frames& wrong : {Frames{}, Frames{-1}, Frames{30}, Frames{5, 4}}) {
    EXPECT_THROW(VideoReader::open(clip, [&](int64_t, double) { return wrong; }, {}), UsageError);
  }
}

TEST(VideoReader, SamplesOneFrameASecond) {
  VideoReader reader = VideoReader::open(data_file("media/h264-bframes.mp4"), {});
  EXPECT_EQ(reader.frames(), 10);
  EXPECT_DOUBLE_EQ(reader.source_fps(), 25);
  EXPECT_NEAR(reader.duration_seconds(), 10, 0.001);
  for (int i = 0; i < 10; ++i) {
    const auto frame = reader.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->index, 25 * i);
    EXPECT_NEAR(frame->seconds, i, 1e-6);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.warning(), "");
}

TEST(VideoReader, TellsPresentationTimesOfVariableFrameRates) {
  const auto frames = read_all("vfr.mkv", kEveryFrame);
  // of every five source frames at 30 a second, 0, 2 and 4 are kept
  const double expected[] = {0, 2 / 30.0, 4 / 30.0, 5 / 30.0, 7 / 30.0, 9 / 30.0};
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_NEAR(frames[i].seconds, expected[i], 0.002) << i;
  }
}

TEST(VideoReader, KeepsToTheTimeRange) {
  const auto frames = read_all(
      "h264-bframes.mp4", {.fps = 1000, .max_frames = 1000, .start_seconds = 4, .end_seconds = 6});
  ASSERT_EQ(frames.size(), 50u);
  EXPECT_EQ(frames.front().index, 100);
  EXPECT_EQ(frames.back().index, 149);
  const auto clip = data_file("media/h264-bframes.mp4");
  expect_input_error([&] { VideoReader::open(clip, {.start_seconds = 11}); }, "10.00 s long");
  EXPECT_THROW(VideoReader::open(clip, {.start_seconds = 5, .end_seconds = 4}), UsageError);
  EXPECT_THROW(VideoReader::open(clip, {.start_seconds = -1}), UsageError);
}

TEST(VideoReader, TurnsRotatedFilmsUpright) {
  const auto frames = read_all("rotated.mp4", kEveryFrame);
  ASSERT_EQ(frames[0].image.width, 32);
  ASSERT_EQ(frames[0].image.height, 64);
  // Stored blue left, red right; the player turns it counter-clockwise by 90 degrees.
  const auto& rgb = frames[0].image.rgb;
  const uint8_t* top = rgb.data() + (8 * 32 + 16) * 3;
  const uint8_t* bottom = rgb.data() + (56 * 32 + 16) * 3;
  EXPECT_GT(top[0], 200);
  EXPECT_LT(top[2], 50);
  EXPECT_LT(bottom[0], 50);
  EXPECT_GT(bottom[2], 200);
}

TEST(VideoReader, EndsEarlyWithAWarningWhereTheFileBreaksOff) {
  for (const char* clip : {"truncated.mp4", "truncated.webm"}) {
    const auto path = data_file(std::string("media/") + clip);
    VideoReader reader = VideoReader::open(path, {.fps = 1000, .max_frames = 1000});
    EXPECT_NE(reader.warning().find("breaks off"), std::string::npos) << reader.warning();
    int64_t frames = 0;
    while (reader.next()) ++frames;
    EXPECT_EQ(frames, reader.frames()) << reader.warning();
    EXPECT_GT(frames, 40);
  }
}

TEST(VideoReader, RefusesWhatIsNoVideoInOneLine) {
  const test::TemporaryFolder folder;
  const auto open = [](const std::filesystem::path& path) {
    return [path] { VideoReader::open(path, {}); };
  };
  expect_input_error(open(folder.path() / "none.mp4"), "No such file");
  expect_input_error(open(folder.path()), folder.path().string());
  expect_input_error(open(folder.write("empty.mp4", "", 0)), "empty.mp4");
  const std::string text(5000, 'x');
  expect_input_error(open(folder.write("text.mp4", text.data(), text.size())), "text.mp4");
  const auto clip = test::read_file(data_file("media/h264-long-gop.mp4"));
  expect_input_error(open(folder.write("no-index.mp4", clip.data(), clip.size() / 2)),
                     "no-index.mp4");
  expect_input_error(open(data_file("media/no-video.m4a")), "no video stream");
}

}  // namespace
}  // namespace owl3
