// owl3 eval conversations as a user runs it, on a small random checkpoint.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "run_program.h"

namespace owl3::test {

namespace {

using Words = std::vector<std::string>;

/// A conversation of two questions about two pictures, and one about a single one. No answer is
/// one that a random model gives.
std::string rows() {
  const std::string path = (scratch_folder() / "conversations.jsonl").string();
  const std::string images = OWL3_TEST_DATA "/images/";
  std::ofstream file(path);
  file << R"({"messages": [{"role": "user", "content": "<image>1<image>2\nWhich?"},)"
       << R"({"role": "assistant", "content": "Both."}, {"role": "user", "content": "Really?"},)"
       << R"({"role": "assistant", "content": "Yes."}], "tasks": ["which", "sure"],)"
       << R"("answers": ["Quetzalcoatl", "Popocatepetl"], "images": [")" << images
       << "08-RGB-200x150.jpg\", \"" << images << "17-P-94x259.gif\"]}\n"
       << R"({"messages": [{"role": "user", "content": "<image>\nWho?"},)"
       << R"({"role": "assistant", "content": "He."}], "tasks": ["which"],)"
       << R"("answers": ["Quetzalcoatl"], "images": [")" << images << "10-L-640x480.jpg\"]}\n";
  return path;
}

Outcome conversations(const Words& more) {
  Words words = {"eval",   "conversations", tiny_checkpoint(),  "-t", "1",
                 "--data", rows(),          "--max-new-tokens", "4"};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words);
}

TEST(EvalConversations, CountsByTask) {
  const Outcome outcome = conversations({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["asked"], 3);
  EXPECT_EQ(report["right"], 0);
  EXPECT_EQ(report["tasks"]["which"]["asked"], 2);
  EXPECT_EQ(report["tasks"]["sure"]["asked"], 1);
  const Outcome table = conversations({});
  EXPECT_NE(table.out.find("\nwhich "), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("\nall, 2 rows "), std::string::npos) << table.out;
}

TEST(EvalConversations, ChoosesRowsByTheirImages) {
  const auto single = nlohmann::json::parse(conversations({"--json", "--max-images", "1"}).out);
  EXPECT_EQ(single["asked"], 1);
  const auto several = nlohmann::json::parse(conversations({"--json", "--min-images", "2"}).out);
  EXPECT_EQ(several["asked"], 2);
  const Outcome none = conversations({"--min-images", "3"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_TRUE(is_one_line(none.err)) << none.err;
}

TEST(EvalConversations, WritesWhatWasAnswered) {
  const std::string path = (scratch_folder() / "conversation-replies.jsonl").string();
  ASSERT_EQ(conversations({"--replies", path, "--limit", "1"}).exit_code, 0);
  std::ifstream file(path);
  std::string first, second, third;
  ASSERT_TRUE(std::getline(file, first) && std::getline(file, second));
  EXPECT_FALSE(std::getline(file, third));
  const auto line = nlohmann::json::parse(first);
  EXPECT_EQ(line["question"], "2\nWhich?");
  EXPECT_EQ(line["answer"], "Quetzalcoatl");
  EXPECT_EQ(line["right"], false);
  EXPECT_EQ(nlohmann::json::parse(second)["task"], "sure");
}

TEST(EvalConversations, TellsWhatIsWrongInOneLine) {
  for (const Words& words :
       {Words{"eval", "conversations", tiny_checkpoint()},
        Words{"eval", "conversations", tiny_checkpoint(), "--data", "/nowhere/rows.jsonl"},
        Words{"eval", "conversations", "/nowhere", "--data", rows()}}) {
    const Outcome outcome = run_owl3(words);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace owl3::test
