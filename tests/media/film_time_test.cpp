// Films as they come: frames at any time, fields, recordings that begin, break and are damaged
// anywhere. The clips are described in tests/data/media/README.md.
#include <algorithm>

#include "field_films.h"
#include "media/video.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;

using Frames = std::vector<int64_t>;

FrameTimes constant_rate(double fps, int64_t frames) {
  FrameTimes film{{}, static_cast<double>(frames) / fps, fps};
  for (int64_t i = 0; i < frames; ++i) film.seconds.push_back(static_cast<double>(i) / fps);
  return film;
}

TEST(ChooseFrames, IsTheOfficialSamplerWhereItsStepsComeNear) {
  for (const double fps : {10.0, 23.976, 25.0, 29.97, 30.0, 59.94}) {
    for (const double asked : {0.5, 1.0, 2.0}) {
      const FrameTimes film = constant_rate(fps, 1000);
      EXPECT_EQ(choose_frames(film, {.fps = asked, .max_frames = 64}),
                sample_frames(1000, fps, asked, 64))
          << fps << " " << asked;
    }
  }
}

TEST(ChooseFrames, ToleratesTheJitterOfCoarseClocks) {
  FrameTimes film = constant_rate(29.97, 900);
  for (double& second : film.seconds) second = std::round(second * 1000) / 1000;
  EXPECT_EQ(choose_frames(film, {}), sample_frames(900, 29.97, 1, 128));
}

TEST(ChooseFrames, GoesByTimeWhereNoWholeStepComesNear) {
  // 1.5 frames a second: every second one would be 0.75 a second.
  EXPECT_EQ(choose_frames(constant_rate(1.5, 9), {}), (Frames{0, 1, 3, 4, 6, 7}));
  EXPECT_EQ(choose_frames(constant_rate(1.5, 9), {.sampling = FrameSampling::kOfficial}),
            (Frames{0, 2, 4, 6, 8}));
  EXPECT_EQ(choose_frames(constant_rate(25, 50), {.fps = 10}).size(), 20u);  // not 12.5 a second
}

TEST(ChooseFrames, TakesTheFrameOnTheScreenAtEachMoment) {
  const FrameTimes film{{0, 0.5, 0.9, 4.2}, 6, 1};
  EXPECT_EQ(choose_frames(film, {}), (Frames{0, 2, 2, 2, 2, 3}));
  EXPECT_EQ(choose_frames(film, {.start_seconds = 2, .end_seconds = 4}), (Frames{2, 2}));
  EXPECT_EQ(choose_frames(film, {.start_seconds = 5.5}), (Frames{3}));
  EXPECT_EQ(choose_frames(film, {.max_frames = 2}), (Frames{2, 2}));
  EXPECT_EQ(choose_frames(film, {.fps = 0.25}), (Frames{0, 2}));
  EXPECT_TRUE(choose_frames(film, {.start_seconds = 6}).empty());
}

TEST(ChooseFrames, TakesEveryFrameOnceWhenMoreIsAskedForThanThereIs) {
  EXPECT_EQ(choose_frames({{0, 0.5, 0.9, 4.2}, 6, 1}, {.fps = 100}), (Frames{0, 1, 2, 3}));
  EXPECT_EQ(choose_frames(constant_rate(10, 5), {.fps = 30}), (Frames{0, 1, 2, 3, 4}));
}

TEST(ChooseFrames, FindsWhatIsOnTheScreenInARangeBetweenFrames) {
  EXPECT_EQ(choose_frames(constant_rate(25, 100), {.start_seconds = 1.01, .end_seconds = 1.03}),
            (Frames{25}));
}

struct Seen {
  std::vector<double> seconds;
  Frames indices;
  std::vector<int> greys;  // of the first pixel, its green
  std::string warning;
  double duration = 0;
};

Seen look_at(const std::filesystem::path& path, const VideoOptions& options) {
  VideoReader reader = VideoReader::open(path, options);
  Seen seen;
  while (const auto frame = reader.next()) {
    EXPECT_EQ(frame->repeated, !seen.indices.empty() && seen.indices.back() == frame->index);
    EXPECT_FALSE(frame->image.rgb.empty());
    seen.seconds.push_back(frame->seconds);
    seen.indices.push_back(frame->index);
    seen.greys.push_back(frame->image.rgb.at(1));
  }
  EXPECT_EQ(static_cast<int64_t>(seen.indices.size()), reader.frames()) << path;
  seen.warning = reader.warning();
  seen.duration = reader.duration_seconds();
  return seen;
}

constexpr VideoOptions kAll{.fps = 1000, .max_frames = 1 << 20};

TEST(FilmTime, AScreenRecordingIsSeenAtEachSecond) {
  const Seen seen = look_at(data_file("media/screen.mp4"), {.max_frames = 1000});
  ASSERT_GE(seen.seconds.size(), 541u);
  EXPECT_EQ(seen.indices[0], 0);
  EXPECT_NEAR(seen.seconds[1], 0.9, 1e-3);
  EXPECT_NEAR(seen.seconds[59], 0.9, 1e-3);
  EXPECT_NEAR(seen.seconds[60], 60, 1e-3);
  EXPECT_NEAR(seen.seconds[540], 540, 1e-3);
  EXPECT_EQ(seen.warning, "");
  const Seen part =
      look_at(data_file("media/screen.mp4"), {.start_seconds = 30, .end_seconds = 59});
  EXPECT_EQ(part.indices, Frames(29, 9));
  EXPECT_EQ(
      look_at(data_file("media/screen.mp4"), {.sampling = FrameSampling::kOfficial}).indices.size(),
      100u);
}

TEST(FilmTime, SlidesAreNoBrokenFilm) {
  const Seen seen = look_at(data_file("media/slides.mp4"), {});
  EXPECT_EQ(seen.warning, "");
  EXPECT_NEAR(seen.duration, 15, 1e-3);
  EXPECT_EQ(seen.indices, (Frames{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
  EXPECT_EQ(look_at(data_file("media/animation.gif"), {}).warning, "");
}

TEST(FilmTime, ASlowFilmIsSeenOnceASecond) {
  const Seen seen = look_at(data_file("media/slow.mp4"), {});
  EXPECT_EQ(seen.indices, (Frames{0, 1, 3, 4, 6, 7, 9, 10, 12, 13}));
}

TEST(FilmTime, TwoFieldsAreOneFrame) {
  const test::TemporaryFolder folder;
  const auto check = [&](const char* name, int frames) {
    const Seen seen = look_at(folder.path() / name, kAll);
    ASSERT_EQ(seen.indices.size(), static_cast<size_t>(frames)) << name;
    EXPECT_EQ(seen.warning, "") << name;
    EXPECT_NEAR(seen.duration, frames / 25.0, 0.041) << name;
    for (int i = 0; i < frames; ++i) {
      const int luma = test::kFirstGrey + test::kGreyStep * i;
      EXPECT_NEAR(seen.greys[i], (luma - 16) * 255 / 219.0, 2) << name << " " << i;
      EXPECT_NEAR(seen.seconds[i], i / 25.0, 1e-3) << name;
    }
  };
  for (const char* container : {"mpegts", "matroska", "mp4"}) {
    test::write_h264_fields(folder.path() / "h264", container, 40);
    check("h264", 40);
    test::write_mpeg2_fields(folder.path() / "mpeg2", container, 40);
    check("mpeg2", 40);
  }
  const Seen some = look_at(folder.path() / "h264", {.fps = 5});
  EXPECT_EQ(some.indices, (Frames{0, 5, 10, 15, 20, 25, 30, 35}));
}

TEST(FilmTime, JoinedRecordingsAreShownOneBehindTheOther) {
  for (const char* clip : {"joined-back.ts", "joined-forward.ts"}) {
    const Seen all = look_at(data_file(std::string("media/") + clip), kAll);
    ASSERT_EQ(all.indices.size(), 100u) << clip;
    EXPECT_EQ(all.warning, "") << clip;
    EXPECT_NEAR(all.duration, 4, 0.05) << clip;
    EXPECT_NEAR(all.seconds[50], 2, 0.05) << clip;
    // The second part is the first one's negative.
    EXPECT_GT(std::abs(all.greys[0] - all.greys[50]), 100) << clip;
    for (int i = 1; i < 50; ++i) EXPECT_NEAR(all.greys[i], all.greys[0], 24) << clip << " " << i;
    for (int i = 51; i < 100; ++i) EXPECT_NEAR(all.greys[i], all.greys[50], 24) << clip << " " << i;
    const Seen some = look_at(data_file(std::string("media/") + clip), {.start_seconds = 1});
    EXPECT_EQ(some.indices, (Frames{25, 50, 75})) << clip;
    EXPECT_EQ(some.greys[1], all.greys[50]) << clip;
  }
}

TEST(FilmTime, ABroadcastTunedIntoIsNotDamaged) {
  const Seen seen = look_at(data_file("media/tuned-in.ts"), kAll);
  EXPECT_EQ(seen.warning, "");
  EXPECT_GT(seen.indices.size(), 30u);
  EXPECT_LT(seen.indices.size(), 75u);
}

TEST(FilmTime, DamageThatTheDecoderPatchedIsTold) {
  const test::TemporaryFolder folder;
  for (const char* clip : {"h264-bframes.mp4", "mpeg4.avi"}) {
    std::vector<std::byte> bytes = test::read_file(data_file(std::string("media/") + clip));
    for (size_t i = 0; i < 32; ++i) {
      constexpr uint8_t kNoise[] = {0xff, 0x55, 0xaa, 0x33};
      bytes[bytes.size() / 2 + 40 * (i / 4) + i % 4] = std::byte{kNoise[i % 4]};
    }
    const Seen seen = look_at(folder.write(clip, bytes.data(), bytes.size()), kAll);
    EXPECT_NE(seen.warning.find("are patched or smeared"), std::string::npos)
        << clip << ": " << seen.warning;
  }
  const Seen seen = look_at(data_file("media/noisy.ts"), kAll);  // the container notices
  EXPECT_NE(seen.warning.find("are patched or smeared"), std::string::npos) << seen.warning;
  const Seen late = look_at(data_file("media/noisy.ts"), {.fps = 2});
  EXPECT_EQ(late.indices.size(), 4u);
  EXPECT_EQ(look_at(data_file("media/h264-open-gop.ts"), kAll).warning, "");
}

}  // namespace
}  // namespace owl3
