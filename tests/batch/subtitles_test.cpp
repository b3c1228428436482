#include "batch/subtitles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "batch/batch_row.h"
#include "batch/subtitle_files.h"
#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

constexpr auto kSrt = SubtitleFormat::kSrt;
constexpr auto kVtt = SubtitleFormat::kVtt;

TEST(Subtitles, TimesGoBeyondADay) {
  EXPECT_EQ(subtitle_time(0, kSrt), "00:00:00,000");
  EXPECT_EQ(subtitle_time(59'999, kVtt), "00:00:59.999");
  EXPECT_EQ(subtitle_time(3'661'005, kSrt), "01:01:01,005");
  EXPECT_EQ(subtitle_time(25 * 3'600'000 + 1, kVtt), "25:00:00.001");
  EXPECT_EQ(subtitle_time(int64_t{100} * 3'600'000, kVtt), "100:00:00.000");
}

TEST(Subtitles, TextNeitherEndsNorBeginsACue) {
  EXPECT_EQ(subtitle_text("  One.\r\n\r\n \t\nTwo.\rThree.\n\n", kSrt), "One.\nTwo.\nThree.");
  for (const auto format : {kSrt, kVtt}) {
    for (const char* text : {"a --> b", "a ---> b", "--->-->", "-->\n-->"}) {
      EXPECT_EQ(subtitle_text(text, format).find("-->"), std::string::npos) << text;
    }
    EXPECT_EQ(subtitle_text(" \n\n", format), "");
  }
  EXPECT_EQ(subtitle_text(std::string("a\0b\x1b[1m\x7f", 8), kVtt), "ab[1m");
  EXPECT_EQ(subtitle_text("\xFFowl", kSrt), "\uFFFDowl");
}

TEST(Subtitles, WebVttEscapesItsMarksAndSrtHasNone) {
  EXPECT_EQ(subtitle_text("<i>Tom & Jerry</i>", kVtt), "&lt;i&gt;Tom &amp; Jerry&lt;/i&gt;");
  EXPECT_EQ(subtitle_text("Tom & Jerry: 1 < 2", kSrt), "Tom & Jerry: 1 < 2");
}

TEST(Subtitles, CuesAreCountedWithoutThoseThatAreEmpty) {
  Subtitles srt(kSrt);
  EXPECT_EQ(srt.header(), "");
  EXPECT_EQ(srt.cue({0, 0, 60'000}, "An owl."), "1\n00:00:00,000 --> 00:01:00,000\nAn owl.\n\n");
  EXPECT_EQ(srt.cue({1, 60'000, 120'000}, " \n"), "");
  EXPECT_EQ(srt.cue({2, 120'000, 130'500}, "A fox."),
            "2\n00:02:00,000 --> 00:02:10,500\nA fox.\n\n");
  EXPECT_EQ(Subtitles(kVtt).header(), "WEBVTT\n\n");
}

TEST(Subtitles, AreMadeOfTheAnswersThatRowsHave) {
  BatchRow row;
  row.segment = FilmSegment{1, 60'000, 90'500, true};
  row.index = 4;
  row.item = "a, b.mp4";
  row.answer = {{"owl", "a \"great\" one,\nit seems"}};
  row.stop = "end";
  for (const auto format : {BatchFormat::kJsonl, BatchFormat::kCsv}) {
    const BatchLayout layout{.format = format, .has_segment = true};
    const std::string line = line_of(row, layout);
    EXPECT_EQ(answer_text(line, format, header_of(layout)), row.answer.dump()) << line;
    EXPECT_NE(line.find("90.5"), std::string::npos) << line;
    BatchRow failed = row;
    failed.error = "no frame";
    EXPECT_EQ(answer_text(line_of(failed, layout), format, header_of(layout)), std::nullopt);
  }
}

/// Two films of two segments, and a picture between them.
class TwoFilms : public BatchInput {
 public:
  explicit TwoFilms(std::string folder) : folder_(std::move(folder)) {}
  int64_t size() const override { return 5; }
  bool has_rows() const override { return false; }
  std::string checksum() const override { return ""; }
  BatchItem item(int64_t index) const override {
    BatchItem item;
    const bool is_picture = index == 2;
    const std::string name = is_picture ? "p.jpg" : index < 2 ? "a.mp4" : "b.mkv";
    item.media.push_back({!is_picture, folder_ + "/" + name});
    const int64_t number = index < 2 ? index : index - 3;
    if (!is_picture) item.media[0].segment = FilmSegment{number, number, number + 1, number == 1};
    return item;
  }

 private:
  std::string folder_;
};

class SubtitleFilesTest : public ::testing::Test {
 protected:
  bool is_there(const char* name) const { return std::filesystem::exists(folder_ / name); }
  std::string text(const char* name) const { return read_text(folder_ / name); }

  ScratchFolder folder_;
  TwoFilms films_{folder_.path().string()};
  SubtitleFiles files_{films_, kSrt};
};

TEST_F(SubtitleFilesTest, AreWrittenWholeAfterAFilmsLastSegment) {
  files_.add(0, "One.");
  EXPECT_FALSE(is_there("a.srt"));
  files_.add(1, "Two.");
  const std::string both = text("a.srt");
  EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 8);
  files_.add(2, "A picture.");
  files_.add(3, std::nullopt);
  files_.add(4, "Four.");
  EXPECT_EQ(text("b.srt"), "1\n00:00:00,001 --> 00:00:00,002\nFour.\n\n");
}

TEST_F(SubtitleFilesTest, OfNothingAreNotWritten) {
  files_.add(0, std::nullopt);
  files_.add(1, std::nullopt);
  EXPECT_FALSE(is_there("a.srt"));
}

TEST_F(SubtitleFilesTest, AreNeverOverwritten) {
  folder_.write("b.srt", "mine");
  EXPECT_NE(message_of<InputError>([&] { files_.check(4); }).find("b.srt: is there already"),
            std::string::npos);
  EXPECT_NO_THROW(files_.check(5));
  files_.add(3, "Three.");
  files_.add(4, "Four.");
  EXPECT_EQ(text("b.srt"), "mine");
  EXPECT_EQ(files_.left(), std::set{folder_ / "b.srt"});
}

TEST_F(SubtitleFilesTest, ThatComeInTheMeantimeStayAndAreTold) {
  files_.add(0, "One.");
  folder_.write("a.srt", "mine");
  files_.add(1, "Two.");
  EXPECT_EQ(text("a.srt"), "mine");
  EXPECT_EQ(files_.left(), std::set{folder_ / "a.srt"});
}

TEST_F(SubtitleFilesTest, AreTakenBackOnlyAsTheyWereWritten) {
  const auto take_back = [&](const char* first) {
    files_.take_back(3, first);
    files_.take_back(4, std::nullopt);
  };
  const auto add = [&](const char* second) {
    files_.add(3, "Three.");
    files_.add(4, second);
  };
  files_.add(3, "Three.");
  files_.add(4, std::nullopt);
  folder_.write("b.srt", text("b.srt") + "edited\n");
  take_back("Three.");
  add("Four.");
  EXPECT_TRUE(text("b.srt").ends_with("edited\n"));
  EXPECT_EQ(files_.left().size(), 1U);

  std::filesystem::remove(folder_ / "b.srt");
  files_.add(3, "Three.");
  files_.add(4, std::nullopt);
  EXPECT_EQ(files_.left().size(), 0U);
  take_back("Another answer.");
  EXPECT_TRUE(is_there("b.srt"));
  take_back("Three.");
  EXPECT_FALSE(is_there("b.srt"));
  add("Four.");
  EXPECT_NE(text("b.srt").find("Four."), std::string::npos);
}

TEST_F(SubtitleFilesTest, ThatCannotBeWrittenDoNotEndTheWork) {
  const TwoFilms films((folder_ / "none").string());
  SubtitleFiles files(films, kSrt);
  for (int64_t item = 0; item < films.size(); ++item) files.add(item, "An owl.");
  ASSERT_EQ(files.unwritten().size(), 2U);
  EXPECT_TRUE(files.unwritten().begin()->second.ends_with(
      "a.srt: cannot be written: No such file or directory"))
      << files.unwritten().begin()->second;
  std::filesystem::create_directory(folder_ / "none");
  for (int64_t item = 0; item < films.size(); ++item) files.add(item, "An owl.");
  EXPECT_EQ(files.unwritten().size(), 0U);
  EXPECT_TRUE(is_there("none/b.srt"));
}

TEST_F(SubtitleFilesTest, AreNotSharedByFilms) {
  const SubtitleFiles one(films_, kVtt, folder_ / "all.vtt");
  EXPECT_NE(message_of<InputError>([&] { one.check(0); }).find("two of the films"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
