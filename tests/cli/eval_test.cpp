// owl3 eval distractors as a user runs it, on a small random checkpoint.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "eval/question_rows.h"
#include "run_program.h"

namespace owl3::test {

namespace {

using Words = std::vector<std::string>;

/// Questions about single images, twelve by content and by number in turn.
std::string questions() {
  const std::string path = (scratch_folder() / "questions.jsonl").string();
  std::ofstream file(path);
  int row = 0;
  for (const char* image : {"08-RGB-200x150.jpg", "20-RGB-190x300.png", "17-P-94x259.gif",
                            "10-L-640x480.jpg", "12-RGB-900x280.jpg", "16-RGB-244x263.bmp"}) {
    const std::string text = row++ % 2 == 0 ? "<image>Which?" : "Which colour has image {number}?";
    file << single_row(std::string(OWL3_TEST_DATA "/images/") + image, "green", text);
  }
  return path;
}

Outcome distractors(const Words& more, const RunOptions& options = {}) {
  Words words = {"eval", "distractors", tiny_checkpoint(), "-t", "1", "--data", questions()};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words, options);
}

void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(EvalDistractors, PrintsACellForEachCountAndWayOfPointing) {
  const Outcome outcome =
      distractors({"-n", "0,5", "--json", "--score", "likelihood", "--seed", "3"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["images_encoded"], 6);
  EXPECT_EQ(report["interrupted"], false);
  ASSERT_EQ(report["cells"].size(), 4U);
  for (const auto& cell : report["cells"]) {
    EXPECT_EQ(cell["questions"], 3);
    EXPECT_EQ(cell["asks"], 12);
    EXPECT_LE(cell["right"], cell["questions"]);
    EXPECT_LE(cell["interval"][0], cell["accuracy"]);
    EXPECT_GT(cell["first_token_seconds"], 0);
  }
  EXPECT_EQ(report["cells"][1]["distractors"], 5);
  EXPECT_EQ(report["cells"][1]["visual_memory_bytes"],
            6 * report["cells"][0]["visual_memory_bytes"].get<int64_t>());
  const auto again = nlohmann::json::parse(
      distractors({"-n", "0,5", "--json", "--score", "likelihood", "--seed", "3"}).out);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(again["cells"][i]["right_asks"], report["cells"][i]["right_asks"]);
  }
}

TEST(EvalDistractors, PrintsTablesForPeopleAndPages) {
  const Words few = {"-n", "1", "--by", "content", "--questions", "1", "--max-new-tokens", "3"};
  const Outcome table = distractors(few);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("first token"), std::string::npos);
  EXPECT_NE(table.out.find(" evidence "), std::string::npos);
  EXPECT_NE(table.out.find("\ncontent "), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("2 pictures encoded once"), std::string::npos) << table.out;
  Words marked = few;
  marked.push_back("--markdown");
  const Outcome markdown = distractors(marked);
  EXPECT_NE(markdown.out.find("| content | 1 | 1 | "), std::string::npos) << markdown.out;
}

TEST(EvalDistractors, DrawsItsCurves) {
  const std::string file = (scratch_folder() / "curves.svg").string();
  const Words few = {"-n", "0,2,5", "--questions", "1", "--max-new-tokens", "2", "--plot", file};
  ASSERT_EQ(distractors(few).exit_code, 0);
  std::ifstream drawn(file);
  const std::string svg((std::istreambuf_iterator<char>(drawn)), {});
  EXPECT_NE(svg.find("<svg"), std::string::npos);
  expect_refusal(distractors({"-n", "0", "--plot", "curves.gif"}), 2,
                 "--plot curves.gif: must end in .svg or .png");
}

TEST(EvalDistractors, WritesWhatWasSaid) {
  const std::string file = (scratch_folder() / "replies.jsonl").string();
  ASSERT_EQ(distractors({"-n", "2", "--limit", "1", "--max-new-tokens", "3", "--replies", file})
                .exit_code,
            0);
  std::ifstream lines(file);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto reply = nlohmann::json::parse(line);
    EXPECT_EQ(reply["answer"], "green");
    EXPECT_TRUE(reply["reply"].is_string());
    EXPECT_EQ(reply["right"], false);
    EXPECT_LE(reply["about"], 3);
    EXPECT_GE(reply["leading_image"], 1);
    EXPECT_NE(reply["question"].get<std::string>().find("Options: A. "), std::string::npos);
  }
  EXPECT_EQ(count, 4);
}

TEST(EvalDistractors, InterruptedTellsWhatIsDone) {
  const std::string file = (scratch_folder() / "interrupted.jsonl").string();
  const auto begun = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(scratch_folder())) {
      if (entry.path().string().find("interrupted.jsonl") != std::string::npos) return true;
    }
    return false;
  };
  Words words = {"-n", "5", "--json", "--max-new-tokens", "30000", "--replies", file};
  const Outcome outcome = distractors(words, {.signal_when = begun, .signals = {SIGINT}});
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["interrupted"], true);
  EXPECT_LT(report["cells"].size(), 3U);
}

TEST(EvalDistractors, RefusesInOneLine) {
  expect_refusal(distractors({"-n", "6"}), 2,
                 "6 distractors: the file's 6 pictures give at most 5");
  expect_refusal(distractors({"--by", "smell"}), 2, "--by");
  expect_refusal(run_owl3({"eval", "distractors", tiny_checkpoint()}), 2, "--data");
  expect_refusal(run_owl3({"eval"}), 2, "(owl3 eval --help lists them)");
  const std::string broken = (scratch_folder() / "broken.jsonl").string();
  std::ofstream(broken) << "{\"messages\": []}\n";
  expect_refusal(run_owl3({"eval", "distractors", tiny_checkpoint(), "--data", broken}), 1,
                 "broken.jsonl:1: ");
  std::ofstream(broken) << single_row("gone.png", "green");
  expect_refusal(run_owl3({"eval", "distractors", tiny_checkpoint(), "--data", broken}), 1,
                 "gone.png");
}

}  // namespace

}  // namespace owl3::test
