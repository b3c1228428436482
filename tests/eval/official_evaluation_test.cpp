#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "benchmarks/official_check.h"
#include "core/error.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(OWL3_TEST_DATA) / "eval";

std::string listed(const OfficialReport& report) {
  std::string text;
  for (const auto& difference : report.differences) {
    text += difference.file + " " + difference.name + ": " + difference.what + "\n";
  }
  return text;
}

/// A folder of this test's own with one file of cases.
class CaseFolder {
 public:
  CaseFolder(const std::string& file, const std::string& lines)
      : path_(fs::temp_directory_path() /
              ("owl3-official-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::create_directories(path_);
    std::ofstream(path_ / file) << lines;
  }
  ~CaseFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  OfficialReport check(Compatibility mode) const { return check_official(path_, mode); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(OfficialEvaluation, GivesTheIntendedResultOfEveryGoldenCase) {
  const OfficialReport report = check_official(kGolden, Compatibility::kIntended);
  EXPECT_EQ(report.files.size(), 7u);
  EXPECT_TRUE(report.passed()) << listed(report);
}

TEST(OfficialEvaluation, GivesTheOfficialResultOfEveryGoldenCaseWhereItsFaultsAreWanted) {
  const OfficialReport report = check_official(kGolden, Compatibility::kOfficial);
  EXPECT_TRUE(report.passed()) << listed(report);
}

TEST(OfficialEvaluation, FindsAnAnswerAFieldAndAnErrorThatDiffer) {
  const CaseFolder folder(
      "answers.jsonl",
      R"({"case": "right", "rule": "evalai", "raw": "Two dogs.", "official": "2 dogs"}
{"case": "answer", "rule": "evalai", "raw": "two dogs", "official": "two dogs"}
{"case": "label", "rule": "pope", "raw": "Yes.", "official": "Yes", "label": "no"}
{"case": "error", "rule": "check_answer", "raw": "B", "reference": "B. owl", "official": {"error": "IndexError"}}
{"case": "rule", "rule": "evalay", "raw": "B", "official": "b"}
{"case": "field", "rule": "mmbench", "raw": "B", "official": "B"}
)");
  const OfficialReport report = folder.check(Compatibility::kIntended);
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].cases, 6u);
  ASSERT_EQ(report.differences.size(), 5u) << listed(report);
  const char* const names[] = {"answer", "label", "error", "rule", "field"};
  for (size_t i = 0; i < std::size(names); ++i) EXPECT_EQ(report.differences[i].name, names[i]);
  EXPECT_EQ(report.differences[0].what, "\"2 dogs\", in the golden data \"two dogs\"");
  EXPECT_EQ(report.differences[1].what, "label: \"yes\", in the golden data \"no\"");
}

TEST(OfficialEvaluation, TellsTheIntendedResultFromTheOfficialFault) {
  const CaseFolder folder(
      "answers.jsonl",
      R"({"case": "a", "rule": "mmbench", "raw": " ", "options": ["a dog"], "official": "A", "intended": "X"}
{"case": "b", "rule": "check_answer", "raw": "", "reference": "B. owl", "official": true, "intended": false}
{"case": "c", "rule": "videomme", "raw": "Best option: C", "official": "B", "intended": "C"}
{"case": "d", "rule": "next_qa", "raw": " C", "official": {"error": "IndexError"}, "intended": "c"}
)");
  for (const Compatibility mode : {Compatibility::kIntended, Compatibility::kOfficial}) {
    const OfficialReport report = folder.check(mode);
    EXPECT_EQ(report.files[0].faults, 4u);
    EXPECT_TRUE(report.passed()) << listed(report);
  }
}

TEST(OfficialEvaluation, HoldsNumbersToTheLastDigitsAndTextsToTheLetter) {
  const CaseFolder folder(
      "metrics.jsonl",
      R"({"case": "near", "task": "AI2DBench", "ds_name": "ai2d", "rows": [{"answer_letter": "A", "raw": "A"}, {"answer_letter": "A", "raw": "A"}, {"answer_letter": "A", "raw": "B"}], "official": {"Accuracy": 0.66666666666666663}}
{"case": "off", "task": "AI2DBench", "ds_name": "ai2d", "rows": [{"answer_letter": "A", "raw": "A"}, {"answer_letter": "A", "raw": "A"}, {"answer_letter": "A", "raw": "B"}], "official": {"Accuracy": 0.66666666667}}
{"case": "more", "task": "AI2DBench", "ds_name": "ai2d", "rows": [], "official": {"Accuracy": "nan", "F1": 1.0}}
{"case": "set", "task": "AI2DBench", "ds_name": "ai3d", "rows": [], "official": {"Accuracy": "nan"}}
)");
  const OfficialReport report = folder.check(Compatibility::kIntended);
  ASSERT_EQ(report.differences.size(), 3u) << listed(report);
  EXPECT_EQ(report.differences[0].name, "off");
  EXPECT_EQ(report.differences[1].what, "F1 is missing, in the golden data 1.0");
  EXPECT_NE(report.differences[2].what.find("no data set \"ai3d\""), std::string::npos);
}

TEST(OfficialEvaluation, SaysWhichEntriesOfThePlanDiffer) {
  std::ifstream golden(kGolden / "plan.jsonl");
  std::string first, second;
  std::getline(golden, first);
  std::getline(golden, second);
  const CaseFolder folder("plan.jsonl", second + "\n" + first + "\n");
  const OfficialReport report = folder.check(Compatibility::kIntended);
  ASSERT_EQ(report.differences.size(), 3u) << listed(report);
  EXPECT_EQ(report.differences[2].what, "20 entries, in the golden data 2");
}

TEST(OfficialEvaluation, RefusesAFolderWithoutItsFilesAndLinesThatAreNoObjects) {
  const CaseFolder folder("answers.json", "{}");
  EXPECT_THROW(folder.check(Compatibility::kIntended), InputError);
  const std::string broken[] = {"[]\n", "{\"case\": \n", std::string(2000, '[') + "\n"};
  for (const std::string& lines : broken) {
    std::ofstream(folder.path() / "frames.jsonl") << lines;
    EXPECT_THROW(folder.check(Compatibility::kIntended), InputError) << lines.substr(0, 20);
  }
}

TEST(OfficialEvaluation, RefusesAFileWithoutCases) {
  for (const char* lines : {"", "\n \n"}) {
    const CaseFolder folder("answers.jsonl", lines);
    EXPECT_THROW(folder.check(Compatibility::kIntended), InputError);
  }
}

TEST(OfficialEvaluation, CallsACaseOfTheWrongKindADifference) {
  const CaseFolder folder("prompts.jsonl",
                          R"({"case": "a", "task": 7, "ds_name": "ai2d", "official": {}}
{"case": "b", "task": "MvBenchTask", "ds_name": "mvbench", "index": "x", "row": [], "official": {}}
{"case": "c", "task": "NextQATask", "ds_name": "next_qa_mc", "index": 0, "settings": {"num_frames": 0}, "row": {"video": 1, "question": "", "answer": 0}, "official": {}}
{"case": "d", "task": "MIBench", "ds_name": "mi_bench", "index": 0, "row": {"id": 1, "task": "", "question": "", "options": [], "answer": "", "image": []}, "official": {}}
{"case": "e", "task": "LongVideoBenchTask", "ds_name": "long_video_bench_dev", "index": 0, "row": {"id": 1, "video_path": "", "question": "", "duration": 1, "candidates": [], "correct_choice": 99999999999}, "official": {}}
)");
  EXPECT_EQ(folder.check(Compatibility::kIntended).differences.size(), 5u);
}

}  // namespace
}  // namespace owl3
