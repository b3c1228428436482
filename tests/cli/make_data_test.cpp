// `owl3 make-data` and `owl3 make-tokenizer` through the program.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "run_program.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string scratch(const std::string& name) {
  return (scratch_folder() / name).string();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

Words small_data(const std::string& out, const Words& more) {
  Words words = {"make-data", out, "--pictures", "200", "--clips", "10", "-t", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Text and stage 3, made once.
const std::string& data_folder() {
  static const std::string folder = [] {
    const std::string out = scratch("data");
    const Outcome made = run_owl3(small_data(out, {"--kind", "text=300,stage3=200"}));
    if (made.exit_code != 0) throw std::runtime_error("make-data: " + made.err);
    return out;
  }();
  return folder;
}

TEST(MakeData, TellsWhatItWrote) {
  const std::string out = scratch("told");
  const Outcome outcome =
      run_owl3(small_data(out + "/", {"--kind", "stage1=20", "--kind", "siglip", "--count", "30"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("50 rows, 200 pictures"), std::string::npos) << outcome.out;
  for (const char* name : {"stage1.jsonl", "siglip.jsonl", "pictures.tar", "about.json"}) {
    EXPECT_TRUE(fs::exists(out + "/" + name)) << name;
  }
}

TEST(MakeData, RefusesWhatCannotBe) {
  const std::string out = scratch("refused");
  expect_refusal(run_owl3({"make-data", out, "--kind", "stage9"}), 2,
                 "--kind stage9: is none of siglip, echo, text, pages, lists, recall");
  expect_refusal(run_owl3({"make-data", out, "--kind", "stage1=x"}), 2,
                 "must be KIND or KIND=ROWS");
  expect_refusal(run_owl3({"make-data", out, "--kind", "text,text"}), 2, "asked for twice");
  expect_refusal(run_owl3({"make-data", out, "--kind", "text", "--emoji-font", "/nowhere"}), 1,
                 "/nowhere: no such font; Debian's package fonts-noto-color-emoji brings it");
  expect_refusal(run_owl3(small_data(data_folder(), {"--kind", "text"})), 1,
                 "exists and is not an empty folder");
  EXPECT_FALSE(fs::exists(out));
}

TEST(MakeData, LeavesNothingWhenInterrupted) {
  const fs::path parent = scratch_folder() / "stopped";
  fs::create_directory(parent);
  RunOptions options;
  options.signal_when = [&] { return !fs::is_empty(parent); };
  options.signals = {SIGINT};
  const Outcome outcome = run_owl3({"make-data", (parent / "data").string(), "--kind",
                                    "stage3=100000000", "-t", "1", "--pictures", "200"},
                                   options);
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_EQ(outcome.err, "owl3: interrupted\n");
  EXPECT_TRUE(fs::is_empty(parent));
}

TEST(MakeTokenizer, GivesBackEveryMessage) {
  const std::string out = scratch("tokenizer.json");
  const Outcome outcome = run_owl3({"make-tokenizer", out, data_folder() + "/text.jsonl",
                                    data_folder() + "/stage3.jsonl", "--size", "1200"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Tokenizer tokenizer = Tokenizer::from_file(out);
  EXPECT_LE(tokenizer.vocab_size(), 1200);
  std::ifstream lines(data_folder() + "/text.jsonl");
  size_t bytes = 0;
  size_t tokens = 0;
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json row = nlohmann::json::parse(line);
    for (const auto& message : row["messages"]) {
      const std::string text = message["content"];
      const auto ids = tokenizer.encode(text);
      EXPECT_EQ(tokenizer.decode(ids), text);
      bytes += text.size();
      tokens += ids.size();
    }
  }
  EXPECT_GT(bytes, 3 * tokens);
  // What the data never had.
  const std::string strange = "Größe 1.000 <naïve> \xF0\x9F\xA6\x89\n\t";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(strange)), strange);
  EXPECT_EQ(tokenizer.encode("37").size(), 2u);
  EXPECT_EQ(tokenizer.encode("user").size(), 1u);
}

TEST(MakeTokenizer, HasWhatThePromptsOfBothVariantsNeed) {
  const std::string out = scratch("both.json");
  ASSERT_EQ(run_owl3({"make-tokenizer", out, data_folder() + "/text.jsonl"}).exit_code, 0);
  const Tokenizer tokenizer = Tokenizer::from_file(out);
  for (const Variant variant : {Variant::kGated, Variant::kUnified}) {
    PromptBuilder builder(tokenizer, variant);
    builder.add({Role::kUser, "<|image|>1<|video|>\nWhat is this?"},
                {ImageLayout{}, VideoLayout{3}});
    EXPECT_EQ(builder.prompt().media_positions.size(), 4u);
  }
}

TEST(MakeTokenizer, KeepsNumbersWholeWhenAsked) {
  const std::string out = scratch("whole.json");
  const Outcome outcome = run_owl3({"make-tokenizer", out, data_folder() + "/text.jsonl",
                                    "--whole-numbers", "400", "--size", "1500"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Tokenizer tokenizer = Tokenizer::from_file(out);
  for (int number = 0; number <= 400; ++number) {
    EXPECT_EQ(tokenizer.encode(std::to_string(number)).size(), 1u) << number;
  }
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("image 1234567")), "image 1234567");
}

TEST(MakeTokenizer, IsTheSameForTheSameData) {
  const Words data = {data_folder() + "/text.jsonl"};
  ASSERT_EQ(run_owl3({"make-tokenizer", scratch("a.json"), data[0]}).exit_code, 0);
  ASSERT_EQ(run_owl3({"make-tokenizer", scratch("b.json"), data[0]}).exit_code, 0);
  EXPECT_EQ(read_file(scratch("a.json")), read_file(scratch("b.json")));
  expect_refusal(run_owl3({"make-tokenizer", scratch("a.json"), data[0]}), 1,
                 "exists; --force replaces it");
}

TEST(MakeTokenizer, NamesTheLineThatIsWrong) {
  const std::string bad = scratch("bad.jsonl");
  std::ofstream(bad) << R"({"messages": [{"role": "user", "content": "hello"}]})"
                     << "\nnonsense\n";
  expect_refusal(run_owl3({"make-tokenizer", scratch("c.json"), bad}), 1, "bad.jsonl:2: not a row");
  expect_refusal(run_owl3({"make-tokenizer", scratch("c.json"), scratch("none.jsonl")}), 1,
                 "none.jsonl: cannot be read");
  expect_refusal(run_owl3({"make-tokenizer", scratch("c.json"), bad, "--size", "300",
                           "--whole-numbers", "400"}),
                 2, "--size 300");
}

}  // namespace

}  // namespace owl3::test
