#include "batch/film_segments.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/scratch_folder.h"
#include "media/video.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kClips = fs::path(OWL3_TEST_DATA) / "media";

using Bounds = std::vector<std::pair<int64_t, int64_t>>;

Bounds bounds(int64_t film_ms, const FilmCut& cut) {
  Bounds found;
  const std::vector<FilmSegment> segments = segments_of(film_ms, cut);
  for (size_t i = 0; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].number, static_cast<int64_t>(i));
    EXPECT_EQ(segments[i].is_last, i + 1 == segments.size());
    found.emplace_back(segments[i].from_ms, segments[i].to_ms);
  }
  return found;
}

TEST(FilmSegments, FollowEachOtherToTheEndOfTheFilm) {
  EXPECT_EQ(bounds(120'000, {60'000}), (Bounds{{0, 60'000}, {60'000, 120'000}}));
  EXPECT_EQ(bounds(90'500, {60'000}), (Bounds{{0, 60'000}, {60'000, 90'500}}));
  EXPECT_EQ(bounds(7'000, {60'000}), (Bounds{{0, 7'000}}));
}

TEST(FilmSegments, ASliverBelongsToTheOneBeforeIt) {
  EXPECT_EQ(bounds(120'040, {60'000}), (Bounds{{0, 60'000}, {60'000, 120'040}}));
  EXPECT_EQ(bounds(65'999, {60'000}), (Bounds{{0, 65'999}}));
  EXPECT_EQ(bounds(66'000, {60'000}), (Bounds{{0, 60'000}, {60'000, 66'000}}));
}

TEST(FilmSegments, LieWithinTheRangeAskedFor) {
  EXPECT_EQ(bounds(100'000, {30'000, 20'000, 80'000}),
            (Bounds{{20'000, 50'000}, {50'000, 80'000}}));
  EXPECT_EQ(bounds(40'000, {30'000, 20'000, 80'000}), (Bounds{{20'000, 40'000}}));
  EXPECT_EQ(message_of<InputError>([] {
              bounds(10'000, {30'000, 20'000});
            }),
            "nothing from second 20 on; the film is 10.00 s long");
  EXPECT_NE(message_of<InputError>([] { bounds(1'000'000'000'000, {100}); }).find("--segments"),
            std::string::npos);
}

TEST(FilmSegments, AFilmsHeaderTellsHowLongItIs) {
  for (const auto& entry : fs::directory_iterator(kClips)) {
    const std::string name = entry.path().filename().string();
    // Cut off, or without pictures; the header of truncated.mp4 tells what once was.
    if (name.starts_with("truncated") || name == "no-video.m4a" || name == "README.md" ||
        name == "make-clips.sh" || name.starts_with("refused")) {
      continue;
    }
    const double read = VideoReader::open(entry.path(), {}).duration_seconds();
    EXPECT_NEAR(film_seconds(entry.path()), read, 0.05 * read) << name;
  }
}

class SegmentItems : public ::testing::Test {
 protected:
  MediaFile file(const std::string& name, bool is_video) const {
    return {is_video, (folder_ / name), name};
  }
  void SetUp() override {
    fs::copy_file(kClips / "h264-bframes.mp4", folder_ / "ten.mp4");
    fs::copy_file(kClips / "vfr.mkv", folder_ / "five.mkv");
    folder_.write("broken.mp4", "Dear film,\n");
  }
  std::vector<MediaFile> files() const {
    return {file("ten.mp4", true), file("photo.jpg", false), file("broken.mp4", true),
            file("five.mkv", true)};
  }

  ScratchFolder folder_;
};

TEST_F(SegmentItems, AreTheFilmsPartsAndThePicturesThemselves) {
  std::vector<int64_t> told;
  const auto items = items_of_segments(files(), {4'000}, 2, [&](int64_t done, int64_t total) {
    told.push_back(done);
    EXPECT_EQ(total, 4);
  });
  EXPECT_EQ(told, (std::vector<int64_t>{1, 2, 3, 4}));
  ASSERT_EQ(items->size(), 3 + 1 + 1 + 2);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(items->item(i).name, (folder_ / "ten.mp4").string());
    EXPECT_EQ(items->item(i).media.at(0).segment->number, i);
    EXPECT_EQ(items->item(i).media.at(0).segment->from_ms, 4'000 * i);
  }
  EXPECT_TRUE(items->item(2).media.at(0).segment->is_last);
  EXPECT_FALSE(items->item(3).media.at(0).segment);
  EXPECT_FALSE(items->item(3).media.at(0).is_video);
  EXPECT_TRUE(items->item(3).error.empty());
  const BatchItem broken = items->item(4);
  EXPECT_EQ(broken.name, (folder_ / "broken.mp4").string());
  EXPECT_TRUE(broken.error.starts_with((folder_ / "broken.mp4").string() + ": ")) << broken.error;
  EXPECT_EQ(items->item(6).media.at(0).segment->number, 1);
  EXPECT_NEAR(static_cast<double>(items->item(6).media.at(0).segment->to_ms), 5'000, 50);
}

TEST_F(SegmentItems, OfAnotherLengthOrFilmHaveAnotherChecksum) {
  const auto four = items_of_segments(files(), {4'000}, 1);
  EXPECT_EQ(four->checksum(), items_of_segments(files(), {4'000}, 2)->checksum());
  EXPECT_NE(four->checksum(), items_of_segments(files(), {4'001}, 1)->checksum());
  fs::copy_file(kClips / "mpeg4.avi", folder_ / "ten.mp4", fs::copy_options::overwrite_existing);
  EXPECT_NE(four->checksum(), items_of_segments(files(), {4'000}, 1)->checksum());
}

TEST_F(SegmentItems, WithoutAFilmAreRefused) {
  EXPECT_EQ(message_of<InputError>([&] { items_of_segments({file("a.jpg", false)}, {}, 1); }),
            "--segments: there is no film among the files");
}

}  // namespace
}  // namespace owl3
