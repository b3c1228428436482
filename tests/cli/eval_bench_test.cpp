// owl3 eval bench as a user runs it: files as their authors publish them, runs that are ended and
// go on, shards, rows that are broken, files to be handed in. The model is a small random one.
#include <gtest/gtest.h>

#include <csignal>

#include "bench_folder.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using nlohmann::json;

using EvalBench = BenchFolder;

TEST_F(EvalBench, ReadsWhatItsAuthorsPublish) {
  pope(2);
  write("testdev_balanced_questions.json",
        R"({"17": {"imageId": "n1", "question": "What is it?", "answer": "owl"}})");
  picture("images/n1.jpg");
  write("OpenEnded_mscoco_val2014_questions.json",
        R"({"questions": [{"image_id": 1, "question": "What is it?", "question_id": 5}]})");
  write("mscoco_val2014_annotations.json",
        R"({"annotations": [{"question_id": 5, "question_type": "one", "answer_type": "other",)"
        R"( "answers": [{"answer": "owl", "answer_id": 1}, {"answer": "bird", "answer_id": 2}]},)"
        R"( {"question_id": 6, "question_type": "one", "answer_type": "other", "answers": []}]})");
  const json all = report({"pope_random", "gqa_testdev", "okvqa_val"});
  ASSERT_EQ(all.size(), 3U);
  for (const json& one : all) EXPECT_EQ(one["errors"], 0) << one;
  EXPECT_EQ(all[0]["rows"], 2);
  EXPECT_TRUE(all[1]["metrics"].is_object());
  EXPECT_EQ(all[2]["metrics"]["overall"], 0.0);
  EXPECT_EQ(all[2]["mean_score"]["mean"], 0.0);
  EXPECT_EQ(lines("okvqa_val.jsonl").at(1)["reference"], json::parse(R"(["owl", "bird"])"))
      << "as frequent among the annotators";
  const json line = lines("gqa_testdev.jsonl").at(1);
  EXPECT_EQ(line["prompt"],
            "<|image|>What is it? Answer the question using a single word or phrase.");
  EXPECT_EQ(line["reference"], "owl");
  EXPECT_EQ(line["score"], 0.0);
  EXPECT_NEAR(line["evidence"].at(0).get<double>(), 1, 1e-6);
  EXPECT_EQ(line["record"]["question_id"], 17);
}

TEST_F(EvalBench, GoesOnWhereItWasEnded) {
  pope(3);
  const json whole = report({"pope_random"});
  const std::string records = text("pope_random.jsonl");
  // As a program leaves it that is ended in the middle of the second row.
  const size_t second = records.find('\n', records.find('\n') + 1) + 1;
  std::ofstream(folder_ / "out" / "pope_random.jsonl") << records.substr(0, second + 20);
  EXPECT_EQ(report({"pope_random"}), whole);
  EXPECT_EQ(text("pope_random.jsonl"), records);
  const json limited = report({"pope_random"}, {"--limit", "2"});
  EXPECT_EQ(limited[0]["rows"], 2);
  EXPECT_EQ(lines("pope_random.jsonl").size(), 4U) << "what was asked is kept";
}

TEST_F(EvalBench, InterruptedKeepsWhatIsDone) {
  pope(4000);
  const fs::path file = folder_ / "out" / "pope_random.jsonl";
  const auto begun = [&] {
    std::ifstream records(file);
    std::string head, row;
    return std::getline(records, head) && std::getline(records, row);
  };
  const Outcome outcome =
      bench({"pope_random"}, {"--json"}, {.signal_when = begun, .signals = {SIGINT}});
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  const json report = json::parse(outcome.out)["benchmarks"][0];
  EXPECT_EQ(report["interrupted"], true);
  EXPECT_GE(report["answered"], 1);
  EXPECT_EQ(lines("pope_random.jsonl").size(), report["answered"].get<size_t>() + 1);
}

TEST_F(EvalBench, MergesShards) {
  pope(3);
  const json whole = report({"pope_random"});
  const std::string records = text("pope_random.jsonl");
  fs::remove_all(folder_ / "out");
  EXPECT_EQ(report({"pope_random"}, {"--shard", "2/2"})[0]["rows"], 1);
  EXPECT_EQ(report({"pope_random"}, {"--shard", "1/2"})[0]["rows"], 2);
  EXPECT_EQ(lines("pope_random.1-of-2.jsonl").size(), 3U);
  EXPECT_EQ(report({"pope_random"}), whole);
  EXPECT_EQ(text("pope_random.jsonl"), records);
}

TEST_F(EvalBench, ABrokenRowIsAnErrorRow) {
  write("gqa_testdev.jsonl",
        R"({"image": "gqa/a.jpg", "question": "What?", "question_id": 1, "answer": "owl"})"
        "\nno json\n"
        R"({"image": "gqa/gone.jpg", "question": "What?", "question_id": 2, "answer": "owl"})"
        "\n"
        R"({"image": "gqa/a.jpg", "question": "<|image|>?", "question_id": 3, "answer": "owl"})"
        "\n");
  picture("gqa_testdev/gqa/a.jpg");
  const json report = this->report({"gqa_testdev"})[0];
  EXPECT_EQ(report["answered"], 4);
  EXPECT_EQ(report["errors"], 3);
  EXPECT_EQ(report["mean_score"]["rows"], 3) << "what has no reference is not scored";
  const auto rows = lines("gqa_testdev.jsonl");
  EXPECT_NE(rows.at(2)["error"].get<std::string>().find("gqa_testdev.jsonl:2: no JSON"),
            std::string::npos);
  EXPECT_NE(rows.at(3)["error"].get<std::string>().find("gone.jpg"), std::string::npos);
  EXPECT_EQ(rows.at(4)["error"], "the prompt names 2 images, but the row has 1");
  picture("images/gqa/images/gone.jpg");
  EXPECT_EQ(this->report({"gqa_testdev"})[0]["errors"], 2) << "asked again";
}

TEST_F(EvalBench, WritesWhatIsHandedIn) {
  write("mm-vet.json", R"({"v1_0": {"imagename": "v1_0.png", "question": "What?"}})");
  picture("images/v1_0.png");
  // A picture in base64, and a row that names the row which has it.
  write("mmbench_test_en_20231003.tsv",
        "index\tquestion\thint\tA\tB\timage\n"
        "1\tWhich?\t\t17\tan owl\tiVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQ"
        "d1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC\n"
        "1000001\tWhich?\t\tan owl\t17\t1\n");
  const json all = report({"mmvet", "mmbench_test_en_20231003"});
  EXPECT_EQ(all[0]["errors"], 0);
  EXPECT_EQ(all[1]["errors"], 0) << all[1];
  EXPECT_TRUE(json::parse(text("mmvet.submission.json"))["v1_0"].is_string());
  const auto rows = lines("mmbench_test_en_20231003.jsonl");
  EXPECT_NE(rows.at(1)["prompt"].get<std::string>().find("Options: A. 17\nB. an owl\n"),
            std::string::npos);
  const std::string sheet = text("mmbench_test_en_20231003.submission.xlsx");
  EXPECT_TRUE(sheet.starts_with("PK"));
  EXPECT_NE(sheet.find("<c><v>1000001</v></c>"), std::string::npos);
}

TEST_F(EvalBench, AnIndexThatIsNoNumberIsThatRowsErrorAlone) {
  write("mmbench_test_en_20231003.tsv",
        "index\tquestion\thint\tA\tB\timage\n"
        "1\tWhich?\t\ta car\tan owl\tiVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQ"
        "d1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC\n"
        "x\tWhich?\t\tan owl\ta car\t1\n"
        "1000001\tWhich?\t\tan owl\ta car\t1\n");
  EXPECT_EQ(report({"mmbench_test_en_20231003"})[0]["errors"], 1);
  const auto rows = lines("mmbench_test_en_20231003.jsonl");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[2]["error"], "the index \"x\" is no whole number");
  EXPECT_EQ(rows[3]["record"]["index"], 1000001);
}

/// Two runs of rows that are right (1) or wrong (0).
class EvalCompare : public testing::Test {
 protected:
  static std::string run(const std::string& name, const std::vector<double>& scores,
                         const std::string& data = "x") {
    const fs::path path = scratch_folder() / ("compare-" + name + ".jsonl");
    std::ofstream file(path);
    file << json({{"benchmark", "gqa_testdev"}, {"model", name}, {"data", data}}).dump() << "\n";
    for (size_t i = 0; i < scores.size(); ++i) {
      file << json({{"row", i},
                    {"where", place(i)},
                    {"reply", name + " says"},
                    {"score", scores[i]}})
                  .dump()
           << "\n";
    }
    return path.string();
  }

  /// With what would turn a terminal red, and break the line.
  static std::string place(size_t row) { return "gqa\x1b[31m\n.jsonl:" + std::to_string(row + 1); }
};

TEST_F(EvalCompare, TellsWhetherOneIsBetter) {
  const std::string one = run("one", {1, 1, 1, 1, 1, 0, 1, 0, 1});
  const std::string two = run("two", {0, 0, 0, 0, 0.5, 1, 1, 0});
  const json compared = json::parse(run_owl3({"eval", "compare", one, two, "--json"}).out);
  EXPECT_EQ(compared["rows"], 8);
  EXPECT_EQ(compared["scored_in_one_run_only"], 1);
  EXPECT_EQ(compared["better"], json::parse("[5, 1]"));
  EXPECT_EQ(compared["differences"].size(), 6U);
  EXPECT_NEAR(compared["p_value"].get<double>(), 14.0 / 64, 1e-9);
  EXPECT_EQ(json::parse(run_owl3({"eval", "compare", one, one, "--json"}).out)["p_value"], 1.0);
  const Outcome table = run_owl3({"eval", "compare", one, two});
  EXPECT_NE(table.out.find("gqa_testdev: 8 rows"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("B: two says"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("better in 5: " + one + " (one, )"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("better in 1: " + two + " (two, )"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("gqa[31m .jsonl:1: A 1, B 0;"), std::string::npos) << table.out;
  EXPECT_EQ(table.out.find('\x1b'), std::string::npos) << table.out;
  EXPECT_EQ(compared["files"], json({one, two}));
  EXPECT_EQ(compared["differences"][0]["where"], place(0));
}

TEST_F(EvalCompare, RefusesWhatCannotBeCompared) {
  const std::string one = run("one", {1, 0});
  for (const auto& [other, part] :
       {std::pair(run("two", {1, 0}, "y"), "are not of the same rows: data differs"),
        std::pair(run("none", {}), "has no scores"),
        std::pair((scratch_folder() / "gone.jsonl").string(), "gone.jsonl")}) {
    const Outcome outcome = run_owl3({"eval", "compare", one, other});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  }
}

TEST_F(EvalCompare, TellsWhichLineIsOfAWrongKind) {
  const std::string one = run("one", {1, 0});
  const std::string run_line = R"({"benchmark": "gqa_testdev", "model": "m", "data": "x"})"
                               "\n";
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "wrong.jsonl: is empty"},
           {R"({"benchmark": "gqa_testdev", "model": 7})"
            "\n",
            "wrong.jsonl:1: \"model\" is no text"},
           {run_line + R"({"row": 0, "reply": 7, "score": 1})"
                       "\n",
            "wrong.jsonl:2: \"reply\" is no text"},
           {run_line + R"({"row": 0, "error": [], "score": 1})"
                       "\n",
            "wrong.jsonl:2: \"error\" is no text"},
           {run_line + R"({"row": 0, "reply": "", "score": "1"})"
                       "\n",
            "wrong.jsonl:2: \"score\" is no number"}}) {
    const std::string wrong = (scratch_folder() / "wrong.jsonl").string();
    std::ofstream(wrong) << text;
    for (const auto& files : {std::pair(one, wrong), std::pair(wrong, one)}) {
      const Outcome outcome = run_owl3({"eval", "compare", files.first, files.second});
      EXPECT_EQ(outcome.exit_code, 1);
      EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
      EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    }
  }
}

TEST_F(EvalBench, TellsWhatIsMissingInOneLine) {
  const auto expect_refusal = [](const Outcome& outcome, int code, const std::string& part) {
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  };
  expect_refusal(bench({"pope_random"}), 1,
                 "has no POPE's \"random\" questions (RUCAIBox/POPE): expected "
                 "coco_pope_random.json, ");
  expect_refusal(bench({"pope_randon"}), 2, "did you mean pope_random?");
  expect_refusal(bench({}), 2, "NAME... MODEL");
  expect_refusal(bench({"pope_random"}, {"--shard", "3/2"}), 2,
                 "--shard: \"3/2\" is no part of a whole");
  pope(1);
  ASSERT_EQ(bench({"pope_random"}).exit_code, 0);
  expect_refusal(bench({"pope_random"}, {"--precision", "float32"}), 1,
                 "is of another run (arithmetic is \"bf16\" there, \"float32\" here)");
  EXPECT_EQ(run_owl3({"eval", "bench", "--list"}).exit_code, 0);
}

TEST_F(EvalBench, OtherWeightsUnderTheSamePathAreAnotherRun) {
  model_ = (folder_ / "model").string();
  fs::copy(tiny_checkpoint(), model_, fs::copy_options::recursive);
  pope(1);
  ASSERT_EQ(bench({"pope_random"}).exit_code, 0);
  EXPECT_EQ(lines("pope_random.jsonl").at(0)["weights"].get<std::string>().size(), 16U);
  const fs::path config = fs::path(model_) / "generation_config.json";
  std::ofstream(config) << R"({"repetition_penalty": 1.7})";
  const Outcome other = bench({"pope_random"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("is of another run (weights is "), std::string::npos) << other.err;
  // A file of an earlier version does not tell them.
  json first = lines("pope_random.jsonl").at(0);
  const std::string rows = text("pope_random.jsonl").substr(text("pope_random.jsonl").find('\n'));
  first.erase("weights");
  std::ofstream(folder_ / "out" / "pope_random.jsonl") << first.dump() << rows;
  EXPECT_EQ(bench({"pope_random"}).exit_code, 0);
}

/// Hugging Face's files as they are, asked of owlet: in words, since it was taught no letters.
TEST_F(EvalBench, AsksSetsThatArePublishedAsParquet) {
  const Outcome outcome = run_owl3({"eval", "bench", "ai2d", "nlvr2", "q_bench2", "owlet", "--data",
                                    OWL3_TEST_DATA "/parquet/benchmarks", "-o",
                                    (folder_ / "out").string(), "-t", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json all = json::parse(outcome.out)["benchmarks"];
  ASSERT_EQ(all.size(), 3U);
  for (const json& one : all) EXPECT_EQ(one["errors"], 0) << one;
  EXPECT_EQ(all[0]["rows"], 4);
  const auto rows = lines("ai2d.jsonl");
  EXPECT_EQ(rows.at(4)["images"].at(0), "test-00001-of-00002.parquet:1:image");
  const std::string reply = rows.at(2)["reply"];
  EXPECT_NE(reply.find("red circle"), std::string::npos) << "it saw the picture: " << reply;
  EXPECT_EQ(lines("nlvr2.jsonl").at(1)["evidence"].size(), 2U);
}

TEST_F(EvalBench, PrintsTablesForPeopleAndPages) {
  pope(2);
  const std::string table = bench({"pope_random"}).out;
  EXPECT_NE(table.find("pope_random: POPE's"), std::string::npos) << table;
  EXPECT_NE(table.find("2 of 2"), std::string::npos) << table;
  const std::string page = bench({"pope_random"}, {"--markdown"}).out;
  EXPECT_NE(page.find("| pope_random | rows | 2 of 2 |"), std::string::npos) << page;
}

}  // namespace
}  // namespace owl3::test
