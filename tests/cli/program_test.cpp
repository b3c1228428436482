// The program around its commands: help, exit codes, one line for every error.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const std::string kPhoto = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";

/// It ended with that code, and told why in one line that names `name`.
void expect_error(const Words& words, int exit_code, const std::string& name) {
  const Outcome outcome = run_owl3(words);
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_EQ(outcome.err.rfind("owl3: ", 0), 0U) << outcome.err;
  EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

Words chat(const Words& more) {
  Words words = {"chat", tiny_checkpoint(), "-t", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Program, ExplainsEveryCommand) {
  const std::vector<Words> commands = {{},
                                       {"chat"},
                                       {"info"},
                                       {"convert"},
                                       {"bench"},
                                       {"make-checkpoint"},
                                       {"inspect"},
                                       {"inspect", "golden"},
                                       {"inspect", "image"},
                                       {"inspect", "prompt"},
                                       {"inspect", "tokenize"}};
  for (Words words : commands) {
    words.push_back("--help");
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << words[0];
    EXPECT_NE(outcome.out.find("Usage: owl3"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
  for (const Words& words : {Words{"--help"}, Words{"chat", "--help"}, Words{"inspect", "--help"},
                             Words{"make-checkpoint", "--help"}, Words{"convert", "--help"}}) {
    EXPECT_NE(run_owl3(words).out.find("Examples:\n  owl3 "), std::string::npos) << words[0];
  }
}

TEST(Program, TellsItsVersion) {
  const Outcome outcome = run_owl3({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.rfind("owl3 ", 0), 0U);
}

TEST(Program, RefusesWrongUsageInOneLine) {
  expect_error({}, 2, "no command");
  expect_error({"paint"}, 2, "unknown command \"paint\"");
  expect_error({"inspect", "soul"}, 2, "unknown command \"soul\"");
  expect_error({"chat"}, 2, "MODEL");
  expect_error(chat({"--shout"}), 2, "--shout");
  expect_error(chat({"-p", ""}), 2, "empty");
  expect_error(chat({"-p", " \n "}), 2, "empty");
  expect_error(chat({"-p", "caf\xE9"}), 2, "UTF-8");
  expect_error(chat({"-p", "x", "--system", "\xFF"}), 2, "UTF-8");
}

TEST(Program, RefusesWrongOptionValuesInOneLine) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"--temperature", "hot"}, {"--temperature", "nan"},  {"--top-k", "-1"},
      {"--top-p", "3"},         {"--min-p", "-1"},         {"--repetition-penalty", "0"},
      {"--seed", "-4"},         {"--max-new-tokens", "0"}, {"--num-beams", "0"},
      {"--preset", "wild"},     {"--precision", "int3"},   {"--threads", "-1"},
      {"--fps", "0"},           {"--fps", "inf"},          {"--max-frames", "0"},
      {"--start", "-1"},        {"--end", "nan"},          {"--stop", ""}};
  for (const auto& [option, value] : wrong) {
    const Outcome outcome = run_owl3(chat({"-p", "x", option, value}));
    EXPECT_EQ(outcome.exit_code, 2) << option << " " << value << ": " << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
  expect_error(chat({"-p", "x", "--greedy", "--top-p", "0.5"}), 2, "--greedy");
  expect_error(chat({"-p", "x", "--start", "9", "--end", "3"}), 2, "--end");
}

TEST(Program, NamesAModelThatCannotBeRead) {
  expect_error({"chat", "/no/such/model", "-p", "x"}, 1, "/no/such/model");
  expect_error({"chat", kPhoto, "-p", "x"}, 1, "08-RGB-200x150.jpg");
  const fs::path folder = scratch_folder() / "empty";
  fs::create_directories(folder);
  expect_error({"chat", folder.string(), "-p", "x"}, 1, "config.json");
}

TEST(Program, NamesAnImageThatCannotBeRead) {
  expect_error(chat({"-p", "x", "--image", "missing.jpg"}), 1, "missing.jpg");
  expect_error(chat({"-p", "x", "--image", scratch_folder().string() + "/*.gif"}), 1, "*.gif");
  const std::string text = (scratch_folder() / "letter.jpg").string();
  std::ofstream(text) << "Dear picture,\n";
  expect_error(chat({"-p", "x", "--image", text}), 1, "letter.jpg");

  std::ifstream photo(kPhoto, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(photo)), std::istreambuf_iterator<char>());
  bytes.resize(200);
  const std::string truncated = (scratch_folder() / "truncated.jpg").string();
  std::ofstream(truncated, std::ios::binary) << bytes;
  expect_error(chat({"-p", "x", "--image", truncated}), 1, "truncated.jpg");
  std::ofstream(truncated, std::ios::binary | std::ios::trunc).close();
  expect_error(chat({"-p", "x", "--image", truncated}), 1, "truncated.jpg");
}

TEST(Program, NamesAFilmThatCannotBeRead) {
  expect_error(chat({"-p", "x", "--video", "missing.mp4"}), 1, "missing.mp4");
  expect_error(chat({"-p", "x", "--video", OWL3_TEST_DATA "/media/no-video.m4a"}), 1, "no-video");
}

TEST(Program, RefusesMarksThatDoNotFitTheMedia) {
  expect_error(chat({"-p", "<image> and <image>", "--image", kPhoto}), 2, "2 image");
  expect_error(chat({"-p", "<video>?", "--image", kPhoto}), 2, "<video>");
}

TEST(Program, HoldsTheGoldensAndTellsADamagedOne) {
  for (const char* name : {"gated-tied", "gated-untied", "unified"}) {
    const fs::path golden = fs::path(OWL3_TEST_DATA) / "model" / name;
    const Words words = {"inspect", "golden", "--no-splits", "-t", "1"};
    Words whole = words;
    whole.push_back(golden.string());
    const Outcome outcome = run_owl3(whole);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;

    const fs::path copy = scratch_folder() / name;
    fs::copy(golden, copy, fs::copy_options::recursive);
    for (const auto& file : fs::directory_iterator(copy)) {
      if (file.path().string().find(".logits.f32") == std::string::npos) continue;
      const std::string zeros(fs::file_size(file), '\0');
      std::ofstream(file.path(), std::ios::binary) << zeros;
    }
    Words damaged = words;
    damaged.push_back(copy.string());
    const Outcome refused = run_owl3(damaged);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_TRUE(is_one_line(refused.err)) << refused.err;
  }
}

}  // namespace

}  // namespace owl3::test
