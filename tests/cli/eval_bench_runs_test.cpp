// owl3 eval bench beyond a benchmark's name: plans, conversions side by side, the page.
#include <gtest/gtest.h>

#include "bench_folder.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using nlohmann::json;

class EvalBenchRuns : public BenchFolder {
 protected:
  void SetUp() override {
    BenchFolder::SetUp();
    write("gqa_testdev.jsonl",
          R"({"image": "gqa/a.jpg", "question": "What?", "question_id": 1, "answer": "owl"})"
          "\n"
          R"({"image": "gqa/b.jpg", "question": "Who?", "question_id": 2, "answer": "fox"})"
          "\n");
    picture("images/a.jpg");
    picture("images/b.jpg");
  }

  std::string plan(const std::string& name, const std::string& text) const {
    write(name, text);
    return (folder_ / "data" / name).string();
  }
  std::string page() const { return (folder_ / "out.html").string(); }
  std::string page_text() const {
    std::ifstream file(page());
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

void expect_refusal(const Outcome& outcome, int code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST_F(EvalBenchRuns, AskWhatAPlanNames) {
  pope(1);
  const std::string yaml = plan("all.yaml",
                                "- type: VQATask\n  ds_name: gqa_testdev\n"
                                "- type: VQATask\n  ds_name: pope_random\n"
                                "  cut_cfg: {anchors: \"grid_squ_6\", add_global: True}\n");
  const json all = report({yaml});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["benchmark"], "gqa_testdev");
  EXPECT_EQ(all[0]["settings"], json({{"cut", false}}));
  EXPECT_EQ(all[1]["settings"], json({{"cut", true}}));
  EXPECT_EQ(lines("gqa_testdev.jsonl").at(0)["settings"], json({{"cut", false}}));
  // By its name the set is asked as the official plan asks it: that is another run.
  expect_refusal(bench({"gqa_testdev"}), 1,
                 R"(is of another run (settings is {"cut":false} there, {"cut":true} here))");
  const std::string rows = plan("all.jsonl", R"({"ds_name": "gqa_testdev", "cut_cfg": {}})"
                                             "\n");
  EXPECT_EQ(report({rows})[0]["answered"], 2) << "the same plan in another form";
}

TEST_F(EvalBenchRuns, TakeAPlansEntryAsTheOfficialCodeDoes) {
  write("ai2d.jsonl", R"({"image": "a.jpg", "question": "?", "options": ["owl", "fox"],)"
                      R"( "answer": "1"})"
                      "\n");
  report({plan("letters.yaml", "- type: AI2DBench\n  ds_name: ai2d\n  use_number: False\n")});
  EXPECT_EQ(lines("ai2d.jsonl").at(0)["settings"], json({{"cut", false}, {"use_number", false}}));
  EXPECT_EQ(lines("ai2d.jsonl").at(1)["reference"], "B");
  fs::remove_all(folder_ / "out");
  report({plan("numbers.yaml", "- {type: AI2DBench, ds_name: ai2d, cut_cfg: {anchors: x}}\n")});
  EXPECT_EQ(lines("ai2d.jsonl").at(0)["settings"], json({{"cut", true}}));
  EXPECT_EQ(lines("ai2d.jsonl").at(1)["reference"], "1") << "numbers unless it says no";
}

TEST_F(EvalBenchRuns, RefuseAPlanThatCannotBeMeant) {
  const auto refused = [&](const std::string& text, const std::string& part) {
    expect_refusal(bench({plan("p.yaml", text)}), 1, part);
  };
  refused("- {type: VQATask, ds_name: textvqa_val}\n", "p.yaml:1: the official plan's textvqa_val");
  refused(
      "- {ds_name: gqa_testdev}\n- {ds_name: gqa_testdef}\n",
      "p.yaml:2: there is no benchmark gqa_testdef (owl3 eval bench --list lists them); did you "
      "mean gqa_testdev?");
  refused("- {ds_name: gqa_testdev, cutcfg: {a: 1}}\n", "did you mean cut_cfg?");
  refused("- {ds_name: gqa_testdev, num_frames: 8}\n", "VQATask takes no num_frames");
  refused("- {ds_name: ai2d, use_number: perhaps}\n", "use_number must be true or false");
  refused("- {type: AI2DBench, ds_name: gqa_testdev}\n",
          "no data set of AI2DBench, but of VQATask");
  refused("- {ds_name: gqa_testdev}\n- {ds_name: gqa_testdev}\n", ":2: gqa_testdev is asked twice");
  refused("- gqa_testdev\n", "p.yaml:1: an entry of a plan is {type, ds_name, ...}");
  refused("- {type: VQATask}\n", "ds_name is missing");
  refused("ds_name: gqa_testdev\n", "a plan is a list of entries");
  refused("[]\n", "asks nothing");
  refused("- {ds_name: [\n", "this is no YAML");
  expect_refusal(bench({plan("p.jsonl", "{\"ds_name\"\n")}), 1, "p.jsonl:1: no JSON");
  expect_refusal(bench({"gone.yaml"}), 1, "gone.yaml");
  expect_refusal(bench({"gqa_testdev", plan("p.yaml", "- ds_name: gqa_testdev\n")}), 2,
                 "gqa_testdev is asked twice");
}

/// The conversions that are left in the output folder.
std::vector<std::string> conversions_in(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl" && !entry.is_directory()) {
      found.push_back(fs::relative(entry.path(), folder).string());
    }
  }
  return found;
}

TEST_F(EvalBenchRuns, TellWhatATypeCosts) {
  const Words types = {"--types", "bf16,q4_0"};
  Words with_json = types;
  with_json.emplace_back("--json");
  const Outcome outcome = bench({"gqa_testdev"}, with_json);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  ASSERT_EQ(report["types"].size(), 2U);
  EXPECT_LT(report["types"][1]["weight_bytes"], report["types"][0]["weight_bytes"]);
  const json difference = report["differences"].at(0);
  EXPECT_EQ(difference["type"], "q4_0");
  EXPECT_EQ(difference["to"], "bf16");
  EXPECT_EQ(difference["answered"], 2);
  EXPECT_EQ(difference["scored"], 2);
  EXPECT_EQ(difference["p_value"], 1.0);
  EXPECT_EQ(lines("q4_0/gqa_testdev.jsonl").at(0)["model"], tiny_checkpoint() + ":q4_0");
  EXPECT_EQ(conversions_in(folder_ / "out"), std::vector<std::string>()) << "they go";
  // The replies that differ are counted.
  std::vector<json> changed = lines("q4_0/gqa_testdev.jsonl");
  changed.at(2)["reply"] = "fox";
  std::ofstream file(folder_ / "out/q4_0/gqa_testdev.jsonl");
  for (const json& line : changed) file << line.dump() << "\n";
  file.close();
  fs::create_directory(folder_ / "out/bf16/conversion.part-0123456789abcdef");
  std::ofstream(folder_ / "out/bf16/conversion.part-0123456789abcdef/tiny.gguf") << "left";
  const json better = json::parse(bench({"gqa_testdev"}, with_json).out)["differences"].at(0);
  EXPECT_EQ(better["better"], 1);
  EXPECT_EQ(better["worse"], 0);
  EXPECT_EQ(better["mean"], 0.5);
  EXPECT_EQ(better["mean_to"], 0.0);
  EXPECT_LT(better["same_replies"], 2);
  EXPECT_EQ(conversions_in(folder_ / "out"), std::vector<std::string>()) << "nor a killed run's";
  const std::string table = bench({"gqa_testdev"}, types).out;
  EXPECT_NE(table.find("to bf16, in points:"), std::string::npos) << table;
  EXPECT_NE(table.find("+50.0 "), std::string::npos) << table;
}

TEST_F(EvalBenchRuns, KeepConversionsThatAreWanted) {
  ASSERT_EQ(bench({"gqa_testdev"}, {"--types", "q8_0", "--keep"}).exit_code, 0);
  EXPECT_EQ(conversions_in(folder_ / "out"), std::vector<std::string>({"q8_0/tiny-q8_0.gguf"}));
  expect_refusal(bench({"gqa_testdev"}, {"--types", "q8_0,q9"}), 2, "\"q9\" is no type; there are");
  expect_refusal(bench({"gqa_testdev"}, {"--types", "q8_0,q8_0"}), 2, "q8_0 stands there twice");
  expect_refusal(bench({"gqa_testdev"}, {"--types", ""}), 2, "is no type");
  EXPECT_EQ(bench({"gqa_testdev"}, {"--keep"}).exit_code, 2);
}

TEST_F(EvalBenchRuns, WriteAPageThatRunsNothing) {
  const std::string hostile = R"(</span><script>alert(1)</script>"><img src=x onerror=alert(2)>)";
  write(
      "gqa_testdev.jsonl",
      json({{"image", "gqa/a.jpg"}, {"question", hostile}, {"question_id", 1}, {"answer", hostile}})
              .dump() +
          "\n" + R"({"image": "gqa/<script>.jpg", "question": "?",)" +
          R"( "question_id": 2, "answer": "b"})" + "\n");
  ASSERT_EQ(bench({"gqa_testdev"}, {"--report", page()}).exit_code, 1) << "there is an error row";
  const std::string html = page_text();
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img src=x"), std::string::npos);
  EXPECT_NE(html.find("&lt;/span&gt;&lt;script&gt;"), std::string::npos);
  EXPECT_NE(html.find("src=\"data:image/webp;base64,"), std::string::npos);
  EXPECT_NE(html.find("gqa/images/&lt;script&gt;.jpg"), std::string::npos) << "the error row";
  EXPECT_EQ(html.find("http"), html.find("http-equiv")) << "it fetches nothing";
  fs::remove(folder_ / "data/images/a.jpg");
  ASSERT_EQ(bench({"gqa_testdev"}, {"--report", page()}).exit_code, 1);
  EXPECT_NE(page_text().find("The worst answers"), std::string::npos) << "without the picture";
  expect_refusal(bench({"gqa_testdev"}, {"--report", "r.txt"}), 2, "must end in .html");
  expect_refusal(bench({"gqa_testdev"}, {"--report", "gone/r.html"}), 1, "there is no folder");
  fs::create_directory(folder_ / "folder.html");
  expect_refusal(bench({"gqa_testdev"}, {"--report", (folder_ / "folder.html").string()}), 1,
                 "is a folder");
}

TEST_F(EvalBenchRuns, LookAtAllFilesBeforeTheFirstQuestion) {
  pope(1);
  expect_refusal(bench({"pope_random", "nlvr2"}), 1, "has no NLVR2");
  EXPECT_FALSE(fs::exists(folder_ / "out/pope_random.jsonl"));
  report({"gqa_testdev"});
  expect_refusal(bench({"pope_random", "gqa_testdev"}, {"--precision", "float32"}), 1,
                 "is of another run");
  EXPECT_FALSE(fs::exists(folder_ / "out/pope_random.jsonl"));
}

TEST_F(EvalBenchRuns, PrintWhatWasMeasuredBeforeOneFails) {
  write("mm-vet.json", R"({"v1_0": {"imagename": "a.jpg", "question": "What?"}})");
  fs::create_directories(folder_ / "out/mmvet.submission.json/in the way");
  const Outcome outcome = bench({"gqa_testdev", "mmvet"}, {"--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report["benchmarks"].size(), 1U);
  EXPECT_EQ(report["benchmarks"][0]["benchmark"], "gqa_testdev");
  EXPECT_NE(report["failure"].get<std::string>().find("mmvet.submission.json"), std::string::npos)
      << report;
}

TEST_F(EvalBenchRuns, EndAsFailedWhereRowsWereNoGood) {
  fs::remove(folder_ / "data/images/b.jpg");
  const Outcome one = bench({"gqa_testdev"});
  EXPECT_EQ(one.exit_code, 1);
  EXPECT_TRUE(is_one_line(one.err)) << one.err;
  EXPECT_NE(one.err.find("1 of 2 rows could not be asked ("), std::string::npos) << one.err;
  EXPECT_NE(one.err.find("; the same command asks them again"), std::string::npos) << one.err;
  EXPECT_NE(one.out.find("gqa_testdev: "), std::string::npos) << "with the report: " << one.out;
  const Outcome page = bench({"gqa_testdev"}, {"--markdown"});
  EXPECT_NE(page.out.find("| gqa_testdev | an error | "), std::string::npos) << page.out;
  EXPECT_NE(page.out.find("| gqa_testdev | written | "), std::string::npos) << page.out;
}

TEST_F(EvalBenchRuns, RefuseWhatAsksNothing) {
  write("testdev_balanced_questions.json", "{}");
  fs::remove(folder_ / "data/gqa_testdev.jsonl");
  expect_refusal(bench({"gqa_testdev"}), 1, "has no row to ask");
  for (const Words& more : {Words{"--json"}, Words{"gqa_testdev"}, Words{"--markdown"}}) {
    Words words = {"eval", "bench", "--list"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("--list stands alone"), std::string::npos) << outcome.err;
  }
}

TEST_F(EvalBenchRuns, LeaveOutARowThatCannotBeScored) {
  write("gqa_testdev.jsonl",
        R"({"image": "gqa/a.jpg", "question": "What?", "question_id": 1, "answer": null})"
        "\n"
        R"({"image": "gqa/b.jpg", "question": "Who?", "question_id": 2, "answer": "fox"})"
        "\n");
  const Outcome outcome = bench({"gqa_testdev"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("1 of 2 rows could not be scored ("), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.out.find("left out, as they can't be scored"), std::string::npos)
      << outcome.out;
  const json report = this->report({"gqa_testdev"})[0];
  EXPECT_EQ(report["errors"], 1);
  EXPECT_EQ(report["unscored"], 1);
  EXPECT_EQ(report["mean_score"]["rows"], 1);
  const auto rows = lines("gqa_testdev.jsonl");
  EXPECT_EQ(rows.at(1)["not_scored"], "the annotation of the row is no text");
  EXPECT_FALSE(rows.at(1).contains("score"));
  EXPECT_FALSE(rows.at(1).contains("error")) << "it is not asked again";
  EXPECT_EQ(rows.at(2)["score"], 0.0);
}

TEST_F(EvalBenchRuns, ShowTheAuthorsNumbersOfAReleasedModel) {
  model_ = (folder_ / "mPLUG-Owl3-7B-241101").string();
  fs::create_directory_symlink(tiny_checkpoint(), model_);
  EXPECT_EQ(report({"gqa_testdev"})[0]["published"],
            json::parse(R"([{"of": "GQA", "percent": 64.7}])"));
  const Outcome table = bench({"gqa_testdev"}, {"--report", page()});
  EXPECT_NE(table.out.find("the authors' GQA of owl3-7b"), std::string::npos) << table.out;
  EXPECT_NE(page_text().find("the authors: 64.7 %"), std::string::npos);
  const std::string markdown = bench({"gqa_testdev"}, {"--markdown"}).out;
  EXPECT_NE(markdown.find("| the authors' GQA of owl3-7b | 64.7 |"), std::string::npos) << markdown;
  model_ = tiny_checkpoint();
  fs::remove_all(folder_ / "out");
  EXPECT_FALSE(report({"gqa_testdev"})[0].contains("published"));
}

}  // namespace
}  // namespace owl3::test
