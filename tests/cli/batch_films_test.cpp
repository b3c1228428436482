// owl3 batch about the segments of films: rows with times, and subtitles.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "chat_runs.h"
#include "core/scratch_folder.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

class BatchFilms : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(folder_ / "films");
    const fs::path clips = fs::path(OWL3_TEST_DATA) / "media";
    fs::copy_file(clips / "h264-bframes.mp4", folder_ / "films/1.mp4");  // 10 s
    fs::copy_file(clips / "slides.mp4", folder_ / "films/2.mp4");        // 15 s
    fs::copy_file(clips / "vfr.mkv", folder_ / "films/3.mkv");           // 5 s, of variable rate
  }

  Outcome batch(const Words& more, const RunOptions& options = {}) const {
    Words words = {"batch", "owlet", "-t", "1", "-p", "What is this?"};
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words, options);
  }
  /// About parts of 4 s of all films.
  Outcome about_all(const Words& more, const RunOptions& options = {}) const {
    Words words = {"--each", path("films/*.m*"), "--segments", "4s"};
    words.insert(words.end(), more.begin(), more.end());
    return batch(words, options);
  }
  Outcome about_one(const std::string& length, const Words& more) const {
    Words words = {"--each", path("films/1.mp4"), "--segments", length};
    words.insert(words.end(), more.begin(), more.end());
    return batch(words);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string text(const std::string& name) const { return read_text(folder_ / name); }

  ScratchFolder folder_;
};

int64_t cues(const std::string& subtitles) {
  int64_t count = 0;
  for (size_t at = subtitles.find(" --> "); at != subtitles.npos;
       at = subtitles.find(" --> ", at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(BatchFilms, ARowForEachSegmentTellsFromWhenToWhen) {
  const Outcome outcome = about_all({});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), 3U + 4U + 2U);
  EXPECT_EQ(rows[2]["item"], path("films/1.mp4"));
  EXPECT_EQ(rows[2]["segment"], 2);
  EXPECT_EQ(rows[2]["from"], 8);
  EXPECT_EQ(rows[2]["to"], 10);
  EXPECT_EQ(rows[3]["item"], path("films/2.mp4"));
  EXPECT_EQ(rows[3]["segment"], 0);
  for (const auto& row : rows) EXPECT_TRUE(row.contains("answer")) << row;
}

TEST_F(BatchFilms, ASegmentIsAskedAboutAsChatAsksAboutThatRange) {
  const auto rows = json_lines(about_one("1m30s", {"--start", "2", "--end", "7", "--greedy"}).out);
  ASSERT_EQ(rows.size(), 1U);
  const auto parts = json_lines(about_one("5s", {"--greedy", "--fps", "2"}).out);
  ASSERT_EQ(parts.size(), 2U);
  const auto chat_about = [&](const char* start, const char* end, const char* fps) {
    const Outcome outcome =
        run_owl3({"chat", "owlet", "-t", "1", "-p", "What is this?", "--video", path("films/1.mp4"),
                  "--start", start, "--end", end, "--fps", fps, "--greedy", "--json"});
    return nlohmann::json::parse(outcome.out).at("text");
  };
  EXPECT_EQ(rows[0]["from"], 2);
  EXPECT_EQ(rows[0]["to"], 7);
  EXPECT_EQ(rows[0]["answer"], chat_about("2", "7", "1"));
  EXPECT_EQ(parts[1]["answer"], chat_about("5", "10", "2"));
}

TEST_F(BatchFilms, AFilmShorterThanASegmentIsOne) {
  const auto rows = json_lines(about_one("90", {}).out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["from"], 0);
  EXPECT_EQ(rows[0]["to"], 10);
}

TEST_F(BatchFilms, SubtitlesOfOneFilmStandBesideItsRows) {
  const Outcome outcome = about_one("3s", {"-o", path("1.vtt"), "--greedy"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto rows = json_lines(text("1.vtt.jsonl"));
  ASSERT_EQ(rows.size(), 4U);
  std::string expected = "WEBVTT\n\n";
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    expected += std::to_string(i + 1) + "\n00:00:0" + std::to_string(3 * i) +
                ".000 --> 00:00:" + (i == 3 ? "10" : "0" + std::to_string(3 * i + 3)) + ".000\n" +
                rows[i]["answer"].get<std::string>() + "\n\n";
  }
  EXPECT_EQ(text("1.vtt"), expected);
  EXPECT_EQ(about_one("3s", {"--format", "vtt", "--greedy"}).out, expected);
  const Outcome again = about_one("3s", {"-o", path("1.vtt")});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_TRUE(is_one_line(again.err)) << again.err;
}

TEST_F(BatchFilms, JsonAnswersAreTextInSubtitles) {
  const Outcome outcome =
      about_one("5s", {"--format", "srt", "--schema", R"({"enum": [{"a": "<b> --> c"}]})"});
  EXPECT_EQ(outcome.out,
            "1\n00:00:00,000 --> 00:00:05,000\n{\"a\":\"<b> \u2192 c\"}\n\n"
            "2\n00:00:05,000 --> 00:00:10,000\n{\"a\":\"<b> \u2192 c\"}\n\n");
}

TEST_F(BatchFilms, EachFilmHasItsSubtitlesBesideItAndNoneIsOverwritten) {
  EXPECT_EQ(about_all({"--side", "srt"}).out, "");
  EXPECT_EQ(cues(text("films/1.srt")), 3);
  EXPECT_EQ(cues(text("films/2.srt")), 4);
  EXPECT_EQ(cues(text("films/3.srt")), 2);
  fs::remove(folder_ / "films/1.srt");
  folder_.write("films/2.srt", "mine");
  const Outcome again = about_all({"--side", "srt"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("2.srt: is there already"), std::string::npos) << again.err;
  EXPECT_FALSE(fs::exists(folder_ / "films/1.srt"));
  EXPECT_EQ(text("films/2.srt"), "mine");
}

TEST_F(BatchFilms, GoesOnToTheSameFilesWhereverItWasKilled) {
  EXPECT_EQ(about_all({"-o", path("whole.csv"), "--side", "vtt"}).exit_code, 0);
  std::vector<std::string> whole;
  for (const char* film : {"1", "2", "3"}) {
    whole.push_back(text("films/" + std::string(film) + ".vtt"));
  }
  int killed = 0;
  for (const long lines : {0L, 2L, 4L, 8L, 10L}) {
    for (const char* film : {"1", "2", "3"}) {
      fs::remove(folder_ / ("films/" + std::string(film) + ".vtt"));
    }
    const std::string out = path("k" + std::to_string(lines) + ".csv");
    const auto there = [&] {
      const std::string rows = read_text(out);
      return fs::exists(out) && std::count(rows.begin(), rows.end(), '\n') >= lines;
    };
    const Words words = {"-o", out, "--side", "vtt", "--parallel", "1", "--resume"};
    const Outcome first = about_all(words, {.signal_when = there, .signals = {SIGKILL}});
    killed += first.exit_code == 128 + SIGKILL ? 1 : 0;
    const Outcome outcome = about_all(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(read_text(out), text("whole.csv")) << lines;
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(text("films/" + std::to_string(i + 1) + ".vtt"), whole[i]) << lines;
    }
  }
  EXPECT_GT(killed, 0);
}

TEST_F(BatchFilms, WhatFailsIsLeftOutOfSubtitlesUntilItIsAskedAgain) {
  EXPECT_EQ(about_all({"-o", path("whole.jsonl")}).exit_code, 0);
  folder_.write("films/broken.mp4", "Dear film,\n");
  const Words all = {"-o", path("o.jsonl"), "--side", "srt"};
  const Outcome outcome = about_all(all);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("1 of 10 rows failed"), std::string::npos) << outcome.err;
  const auto rows = json_lines(text("o.jsonl"));
  ASSERT_EQ(rows.size(), 10U);
  EXPECT_EQ(rows[9]["item"], path("films/broken.mp4"));
  EXPECT_NE(rows[9]["error"].get<std::string>().find("broken.mp4: "), std::string::npos);
  EXPECT_FALSE(rows[9].contains("segment"));
  EXPECT_FALSE(fs::exists(folder_ / "films/broken.srt"));
  EXPECT_EQ(cues(text("films/3.srt")), 2);
}

TEST_F(BatchFilms, RetriedSegmentsComeIntoTheSubtitles) {
  const Words words = {"-o", path("1.srt"), "--max-frames", "4"};
  EXPECT_EQ(about_one("4s", words).exit_code, 0);
  const std::string whole = text("1.srt");
  // As after a run in which the film could not be read for a while.
  std::string rows = text("1.srt.jsonl");
  const size_t second = rows.find("\n") + 1;
  rows.replace(second, rows.find("\n", second) - second,
               R"({"index":1,"item":"1.mp4","segment":1,"from":4,"to":8,"error":"gone"})");
  folder_.write("1.srt.jsonl", rows);
  fs::remove(folder_ / "1.srt");
  Words again = words;
  again.emplace_back("--resume");
  EXPECT_EQ(about_one("4s", again).exit_code, 1);
  EXPECT_EQ(cues(text("1.srt")), 2);
  again.back() = "--retry-failed";
  EXPECT_EQ(about_one("4s", again).exit_code, 0);
  EXPECT_EQ(text("1.srt"), whole);
}

TEST_F(BatchFilms, SubtitlesThatWereEditedStayWhenSegmentsAreRetried) {
  const Words words = {"-o", path("1.srt"), "--max-frames", "4"};
  EXPECT_EQ(about_one("4s", words).exit_code, 0);
  const std::string whole = text("1.srt");
  std::string rows = text("1.srt.jsonl");
  const size_t second = rows.find("\n") + 1;
  rows.replace(second, rows.find("\n", second) - second,
               R"({"index":1,"item":"1.mp4","segment":1,"from":4,"to":8,"error":"gone"})");
  folder_.write("1.srt.jsonl", rows);
  folder_.write("1.srt", "mine");
  Words again = words;
  again.emplace_back("--retry-failed");
  const Outcome outcome = about_one("4s", again);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("1.srt: was there already, left as it is\n"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(text("1.srt"), "mine");
  EXPECT_TRUE(json_lines(text("1.srt.jsonl")).at(1).contains("answer"));
  fs::remove(folder_ / "1.srt");
  again.back() = "--resume";
  const Outcome anew = about_one("4s", again);
  EXPECT_EQ(anew.exit_code, 0) << anew.err;
  EXPECT_EQ(anew.err.find("was there already"), std::string::npos) << anew.err;
  EXPECT_EQ(text("1.srt"), whole);
}

TEST_F(BatchFilms, ShardsMergeAndThenHaveSubtitles) {
  EXPECT_EQ(about_all({"-o", path("whole.jsonl"), "--side", "srt"}).exit_code, 0);
  const std::string subtitles = text("films/2.srt");
  for (const char* film : {"1", "2", "3"}) {
    fs::remove(folder_ / ("films/" + std::string(film) + ".srt"));
  }
  EXPECT_EQ(about_all({"--shard", "2/2", "-o", path("b.jsonl")}).exit_code, 0);
  EXPECT_EQ(about_all({"--shard", "1/2", "-o", path("a.jsonl")}).exit_code, 0);
  const Outcome merged =
      run_owl3({"batch", "merge", path("a.jsonl"), path("b.jsonl"), "-o", path("all.jsonl")});
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(run_owl3({"batch", "merge", path("a.jsonl"), "-o", path("all.srt")}).exit_code, 2);
  EXPECT_EQ(text("all.jsonl"), text("whole.jsonl"));
  EXPECT_EQ(about_all({"-o", path("all.jsonl"), "--side", "srt", "--resume"}).exit_code, 0);
  EXPECT_EQ(text("films/2.srt"), subtitles);
}

TEST_F(BatchFilms, PicturesAmongThemStayWhatTheyAre) {
  fs::copy_file(fs::path(OWL3_SOURCE_DIR) / "demo/album/01.jpg", folder_ / "films/0.jpg");
  const auto rows = json_lines(batch({"--each", path("films/**"), "--segments", "30s"}).out);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_FALSE(rows[0].contains("segment"));
  EXPECT_TRUE(rows[0].contains("answer"));
  EXPECT_EQ(rows[1]["segment"], 0);
  const Outcome lost = batch({"--each", path("films/**"), "--segments", "30s", "--side", "vtt"});
  EXPECT_NE(lost.err.find("1 item would be pictures"), std::string::npos) << lost.err;
}

TEST_F(BatchFilms, ResumingWithOtherSegmentsIsRefused) {
  EXPECT_EQ(about_one("4s", {"-o", path("o.jsonl")}).exit_code, 0);
  const Outcome other = about_one("5s", {"-o", path("o.jsonl"), "--resume"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("segments is 4.0 there, 5.0 here"), std::string::npos) << other.err;
}

TEST_F(BatchFilms, WrongUseIsOneLine) {
  folder_.write("rows.csv", "video\nfilms/1.mp4\n");
  const std::string film = path("films/1.mp4");
  const std::vector<Words> commands = {
      {"--each", film, "--segments", "0"},
      {"--each", film, "--segments", "soon"},
      {"--each", film, "--segments", "30s1m"},
      {"--each", film, "--segments", "0.01"},
      {"--each", film, "-o", path("o.srt")},
      {"--each", film, "--format", "vtt"},
      {"--each", film, "--side", "srt"},
      {"--each", film, "--segments", "5", "--side", "txt"},
      {"--each", film, "--segments", "5", "--side", "srt", "-o", path("o.srt")},
      {"--each", film, "--segments", "5", "--side", "srt", "--shard", "1/2"},
      {"--each", film, "--segments", "5", "--group-by", "2"},
      {"--each", film, "--segments", "5", "-o", path("o.srt"), "-p", "Why?"},
      {"--each", film, "--segments", "5", "-o", path("no/folder/o.srt")},
      {"--each", film, film, "--segments", "5", "-o", path("o.srt")},
      {"--each", film, film, "--segments", "5", "--side", "srt"},
      {"--each", kPhoto, "--segments", "5"},
      {"--input", path("rows.csv"), "--segments", "5"},
  };
  for (const Words& command : commands) {
    const Outcome outcome = batch(command);
    EXPECT_NE(outcome.exit_code, 0) << testing::PrintToString(command);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_FALSE(fs::exists(folder_ / "o.srt.jsonl"));
  }
}

}  // namespace

}  // namespace owl3::test
