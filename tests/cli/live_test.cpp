// owl3 chat --live: files, pipes and questions, as the program has them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program/duration_option.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string kFilm = OWL3_SOURCE_DIR "/demo/ball.mp4";
const std::string kStream = OWL3_SOURCE_DIR "/tests/data/media/h264-open-gop.ts";

Outcome live(std::vector<std::string> arguments, const RunOptions& options = {}) {
  arguments.insert(arguments.begin(), {"chat", tiny_checkpoint(), "-t", "1"});
  arguments.insert(arguments.end(), {"--idle", "100ms", "--max-new-tokens", "3", "--greedy"});
  return run_owl3(arguments, options);
}

std::vector<Json> lines_of(const std::string& out) {
  std::vector<Json> lines;
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST(Live, StandingQuestionsAreLinesWithTheTimesOfTheFilm) {
  const Outcome outcome = live({"--live", kFilm, "--no-skip", "--fps", "4", "--every", "500ms",
                                "--ask", "Who?", "--ask", "What?", "--window", "3", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<Json> lines = lines_of(outcome.out);
  ASSERT_GE(lines.size(), 6u) << outcome.out;
  EXPECT_EQ(lines.front().at("event"), "opened");
  const auto is_end = [](const Json& line) { return line.value("event", "") == "ended"; };
  EXPECT_EQ(std::erase_if(lines, is_end), 1U);
  for (size_t i = 1; i < lines.size(); ++i) {
    const Json& line = lines[i];
    EXPECT_EQ(line.at("question"), i % 2 == 1 ? "Who?" : "What?");
    EXPECT_EQ(line.at("standing"), true);
    EXPECT_NEAR(line.at("seconds").get<double>(), 0.5 * static_cast<double>((i + 1) / 2), 0.25);
    EXPECT_LE(line.at("window").at("frames"), 3);
    EXPECT_EQ(line.at("time").get<std::string>().size(), 24u);
    EXPECT_LT(line.at("tokens").at("prefilled"), 30);
  }
}

TEST(Live, WhatComesLastIsAskedAboutAtTheEnd) {
  const Outcome outcome = live({"--live", kFilm, "--no-skip", "--every", "1h", "--ask", "Who?"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(is_one_line(outcome.out)) << outcome.out;
  EXPECT_NE(outcome.out.find("Who? "), std::string::npos) << outcome.out;
}

TEST(Live, AFolderIsAskedAboutWhenTheTimeIsUpThoughNothingComes) {
  const fs::path folder = fs::temp_directory_path() / "owl3-live-due";
  fs::remove_all(folder);
  fs::create_directory(folder);
  fs::copy_file(OWL3_SOURCE_DIR "/demo/album/20.jpg", folder / "a.jpg");
  const Outcome outcome =
      run_owl3({"chat", tiny_checkpoint(), "-t", "1", "--live", folder.string(), "--every", "300ms",
                "--ask", "Who?", "--idle", "2s", "--max-new-tokens", "3", "--greedy", "--json"});
  fs::remove_all(folder);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<std::string> seen;
  for (const Json& line : lines_of(outcome.out)) {
    seen.push_back(line.contains("event") ? line["event"] : line["question"]);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"opened", "Who?", "ended"})) << "once, before the end";
}

TEST(Live, EndsInOneLineWhereNobodyCanReadIt) {
  RunOptions full;
  full.out_file = "/dev/full";
  const Outcome outcome =
      live({"--live", kFilm, "--no-skip", "--every", "1s", "--ask", "Who?"}, full);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("No space left"), std::string::npos) << outcome.err;
}

TEST(Live, StandardInputMayBeTheSource) {
  std::ifstream file(kStream, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const Outcome outcome =
      live({"--live", "-", "-p", "What is it?", "--json", "--stats"}, {.input = bytes});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json answer = lines_of(outcome.out).back();
  EXPECT_EQ(answer.at("question"), "What is it?");
  EXPECT_EQ(answer.at("standing"), false);
  EXPECT_GE(answer.at("window").at("frames"), 1);
  EXPECT_NE(outcome.err.find("in the window"), std::string::npos) << outcome.err;
}

TEST(Live, LinesAreQuestionsThatFollowEachOther) {
  const Outcome outcome =
      live({"--live", kFilm, "--json"}, {.input = "What is it?\n\nAnd now?\n/quit\nno more\n"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<Json> answers;
  for (const Json& line : lines_of(outcome.out)) {
    if (line.contains("question")) answers.push_back(line);
  }
  ASSERT_EQ(answers.size(), 2u) << outcome.out;
  EXPECT_GT(answers[1].at("tokens").at("prompt"), answers[0].at("tokens").at("prompt"));
}

TEST(Live, WhatCantBeIsOneLine) {
  struct Case {
    std::vector<std::string> arguments;
    int code;
    const char* part;
  };
  const std::vector<Case> cases = {
      {{"--live", "/no/such.ts"}, 1, "/no/such.ts: No such file"},
      {{"--live", "ftp://host/x.ts"}, 2, "ftp is no protocol"},
      {{"--live", "file:///etc/passwd"}, 2, "file is no protocol"},
      {{"--live", "tcp://127.0.0.1:1"}, 1, "tcp://127.0.0.1:1: "},
      {{"--live", OWL3_SOURCE_DIR "/README.md"}, 1, "README.md: not a film"},
      {{"--live", OWL3_SOURCE_DIR "/docs/examples", "-p", "Who?"}, 1, "no picture has come"},
      {{"--live", kFilm, "--protocols", "http"}, 2, "is no URL"},
      {{"--live", kFilm, "--ask", "Who?"}, 2, "--every"},
      {{"--live", kFilm, "--every", "1s"}, 2, "--ask"},
      {{"--live", kFilm, "--window", "0"}, 2, "--window"},
      {{"--live", kFilm, "--window", "10x"}, 2, "--window"},
      {{"--live", kFilm, "--window", "1000000"}, 2, "window of 1000000 frames"},
      {{"--live", kFilm, "--image", kFilm}, 2, "--live"},
      {{"--window", "10", "-p", "Who?"}, 2, "--live"}};
  for (const Case& wrong : cases) {
    const Outcome outcome = live(wrong.arguments);
    EXPECT_EQ(outcome.exit_code, wrong.code) << wrong.part << outcome.err;
    EXPECT_NE(outcome.err.find(wrong.part), std::string::npos) << wrong.part << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << wrong.part;
  }
}

TEST(Durations, AreNumbersWithUnits) {
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("10m"), 600);
  EXPECT_EQ(parse_duration("1.5h"), 5400);
  EXPECT_EQ(parse_duration("250ms"), 0.25);
  EXPECT_EQ(parse_duration("1m30s"), 90);
  EXPECT_EQ(parse_duration("1h2min0.5s"), 3720.5);
  for (const char* text :
       {"", "10", "m", "10 m", "10d", "-1s", "1e3s", "10ss", "1m30", "30s1m", "1m1m"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace

}  // namespace owl3::test
