// Stand-ins of the benchmarks about pictures, in the forms that their authors publish, asked of
// owlet and scored.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using nlohmann::json;

/// The sets of scripts/make_stand_ins.mjs, made once, asked of owlet.
class EvalBenchStandIns : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fs::remove_all(folder());
    made_ = run_owl3({"node", OWL3_SOURCE_DIR "/scripts/make_stand_ins.mjs", folder().string(), "4",
                      OWL3_PROGRAM},
                     {.program = "/usr/bin/env"});
  }
  void SetUp() override {
    if (made_.exit_code == 127) GTEST_SKIP() << "no node on this machine";
    ASSERT_EQ(made_.exit_code, 0) << made_.err;
  }

  static fs::path folder() { return scratch_folder() / "stand-ins"; }

  /// The report by benchmark.
  static std::map<std::string, json> ask(const Words& names, const std::string& output) {
    Words words = {"eval", "bench"};
    words.insert(words.end(), names.begin(), names.end());
    for (const std::string& word :
         {std::string("owlet"), std::string("--data"), folder().string(), std::string("-o"),
          (folder() / output).string(), std::string("--json")}) {
      words.push_back(word);
    }
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::map<std::string, json> by_name;
    const json report = json::parse(outcome.out);
    for (const json& one : report["benchmarks"]) by_name[one["benchmark"]] = one;
    return by_name;
  }

  static std::vector<json> read_lines(const fs::path& path) {
    std::vector<json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
    return lines;
  }

  /// Puts the right answers in the place of owlet's, as the data, not the prompts, know them.
  static void answer_rightly(const std::string& name, const std::vector<std::string>& answers) {
    const fs::path path = folder() / "out" / (name + ".jsonl");
    std::vector<json> lines = read_lines(path);
    std::ofstream file(path);
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) lines[i]["reply"] = answers.at(lines[i]["row"].get<size_t>());
      file << lines[i].dump() << "\n";
    }
  }

  static Outcome made_;
};

Outcome EvalBenchStandIns::made_;

/// The script, run in another folder than the repository.
Outcome make_elsewhere(const std::string& out, const std::string& program) {
  return run_owl3({"-C", scratch_folder().string(), "node",
                   OWL3_SOURCE_DIR "/scripts/make_stand_ins.mjs", out, "1", program},
                  {.program = "/usr/bin/env"});
}

TEST(MakeStandIns, LeavesNothingWhereTheyCannotBeMade) {
  const Outcome outcome = make_elsewhere("new/none", "/nonexistent");
  if (outcome.exit_code == 127) GTEST_SKIP() << "no node on this machine";
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("/nonexistent can't be run"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(scratch_folder() / "new"));
}

const Words kStandIns = {"mmbench_test_en_20231003",
                         "mmbench_test_cn_20231003",
                         "mmbench_dev_en_20231003",
                         "mmbench_dev_cn_20231003",
                         "mmvet",
                         "pope_random",
                         "pope_popular",
                         "pope_adversarial",
                         "ai2d",
                         "okvqa_val",
                         "textvqa_val_ocr_v2",
                         "vizwiz_test",
                         "vqav2_test",
                         "gqa_testdev",
                         "nlvr2",
                         "q_bench2",
                         "out_domain",
                         "in_domain",
                         "mi_bench"};

/// The true answers of a set, row by row, from its own files.
std::vector<std::string> true_answers(const std::string& name, const fs::path& folder) {
  const auto read = [&](const std::string& file) {
    std::ifstream in(folder / name / file);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const auto rows = [&](const std::string& file) {
    std::vector<json> list;
    std::istringstream all(read(file));
    for (std::string line; std::getline(all, line);) list.push_back(json::parse(line));
    return list;
  };
  std::vector<std::string> answers;
  if (name.starts_with("pope_")) {
    for (const json& row : rows("coco_" + name + ".json")) answers.push_back(row["label"]);
  } else if (name == "gqa_testdev") {
    const json questions = json::parse(read("testdev_balanced_questions.json"));
    for (const json& row : questions) answers.push_back(row["answer"]);
  } else if (name == "okvqa_val") {
    const json all = json::parse(read("mscoco_val2014_annotations.json"));
    for (const json& row : all["annotations"]) answers.push_back(row["answers"][0]["answer"]);
  } else if (name == "textvqa_val_ocr_v2") {
    const json all = json::parse(read("TextVQA_0.5.1_val.json"));
    for (const json& row : all["data"]) answers.push_back(row["answers"][0]);
  } else if (name == "ai2d") {
    for (const json& row : rows("ai2d.jsonl")) {
      answers.emplace_back(1, static_cast<char>('A' + std::stoi(row["answer"].get<std::string>())));
    }
  } else if (name == "nlvr2") {
    for (const json& row : rows("nlvr2.jsonl")) {
      answers.emplace_back(row["answer"] == "True" ? "Yes" : "No");
    }
  } else if (name == "q_bench2") {
    for (const json& row : rows("q_bench2.jsonl")) {
      answers.push_back(row["correct_choice"].get<std::string>() + ".");
    }
  } else if (name.ends_with("_domain")) {
    const json all = json::parse(read("multi_image_" + name + ".json"));
    for (const json& row : all) answers.push_back(row["conversations"][1]["value"]);
  } else if (name.starts_with("mmbench_dev")) {
    std::istringstream table(read(name + ".tsv"));
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) answers.push_back(line.substr(line.rfind('\t') + 1) + ".");
  } else if (name == "mi_bench") {
    for (const char* part : {"multi_image_instruction", "multimodal_knowledge_seeking"}) {
      const json all = json::parse(read(std::string(part) + ".json"));
      for (const json& row : all) {
        const auto options = row["options"].get<std::vector<std::string>>();
        const auto right = std::find(options.begin(), options.end(), row["answer"]);
        const size_t place = static_cast<size_t>(right - options.begin());
        for (size_t turn = 0; turn < options.size(); ++turn) {
          const size_t shown = (place + options.size() - turn) % options.size();
          answers.emplace_back(1, static_cast<char>('A' + shown));
        }
      }
    }
  }
  return answers;
}

TEST_F(EvalBenchStandIns, AreAskedOfOwlet) {
  const auto results = ask(kStandIns, "out");
  ASSERT_EQ(results.size(), kStandIns.size());
  for (const auto& [name, result] : results) {
    EXPECT_EQ(result["errors"], 0) << result;
    EXPECT_EQ(result["answered"], result["rows"]) << name;
    EXPECT_GE(result["rows"], 4) << name;
    EXPECT_EQ(result["metrics"].is_null(), result.contains("not_scored")) << result;
  }
  // What asks in words that owlet knows, and takes a sentence for an answer.
  EXPECT_GE(results.at("mmbench_dev_en_20231003").at("mean_score").at("mean"), 0.75);
  for (const char* name : {"mmvet", "vizwiz_test", "vqav2_test"}) {
    const json handed_in =
        json::parse(std::ifstream(folder() / "out" / (std::string(name) + ".submission.json")));
    EXPECT_EQ(handed_in.size(), 4U) << name;
  }
  // True answers are right by every metric.
  for (const auto& [name, result] : results) {
    if (!result.contains("not_scored")) answer_rightly(name, true_answers(name, folder()));
  }
  for (const auto& [name, result] : ask(kStandIns, "out")) {
    if (result.contains("not_scored")) continue;
    EXPECT_NEAR(result["mean_score"]["mean"].get<double>(), 1, 1e-6) << result;
  }
}

TEST_F(EvalBenchStandIns, AreAnsweredByOwletAsItWasTaughtToSeeThem) {
  const auto results = ask({(folder() / "owlet.yaml").string()}, "as-taught");
  EXPECT_GE(results.at("out_domain").at("metrics").at("BLINK").at("Rouge-L f"), 0.8);
  EXPECT_GE(results.at("in_domain").at("metrics").at("spot_the_diff"), 0.8);
}

}  // namespace
}  // namespace owl3::test
