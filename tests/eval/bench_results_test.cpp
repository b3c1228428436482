// What is made of a benchmark's records: the answers that are shown, and how two runs differ.
#include <gtest/gtest.h>

#include "benchmarks/published_scores.h"
#include "eval/bench_differences.h"
#include "eval/bench_mistakes.h"
#include "eval/bench_page.h"
#include "eval/bench_report.h"
#include "eval/bench_scoring.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// Rows of GQA: each about a picture, with the score of its answer.
std::vector<int64_t> shown(const std::vector<std::pair<std::string, double>>& rows, size_t most) {
  const BenchmarkSet& set = find_benchmark_set("gqa_testdev");
  const auto task = set.make_task();
  BenchmarkData data;
  BenchLines lines;
  std::vector<int64_t> all;
  for (const auto& [picture, score] : rows) {
    const auto row = std::ssize(data.rows);
    data.rows.emplace_back().row = {{"image", picture}, {"question", "?"}};
    lines[row] = {{"images", {picture}}, {"reply", "an owl"}, {"score", score}};
    if (score < 0) lines[row] = {{"error", "could not be asked"}, {"score", 0}};
    all.push_back(row);
  }
  const BenchMedia media(set, data, "nowhere");
  std::vector<int64_t> result;
  for (const BenchMistake& mistake : worst_mistakes(lines, all, data, *task, media, most)) {
    EXPECT_EQ(mistake.reply, "an owl");
    EXPECT_TRUE(mistake.thumbnails.empty()) << "they are gone";
    result.push_back(mistake.row);
  }
  return result;
}

TEST(WorstMistakes, AreTheLowestScoresOfManyPictures) {
  const double unasked = -1;
  EXPECT_EQ(shown({{"a", 1}, {"a", 0.5}, {"b", 0}, {"b", 0}, {"c", 0}, {"d", unasked}}, 9),
            (std::vector<int64_t>{2, 4, 3, 1}));
  EXPECT_EQ(shown({{"a", 0}, {"a", 0}, {"b", 0}, {"c", 0.3}}, 2), (std::vector<int64_t>{0, 2}));
  EXPECT_TRUE(shown({{"a", 1}, {"b", 1 - 1e-9}}, 9).empty()) << "ROUGE-L's right answers";
}

/// What is made of a wrong answer about a film, of which these frames were shown.
BenchResult wrong_about_film(const Json& row, const Json& frames, const char* folder) {
  const BenchmarkSet& set = find_benchmark_set("videomme");
  BenchmarkData data;
  data.rows.emplace_back().row = row;
  const BenchLines lines = {{0,
                             {{"film", "data/a<b.mp4"},
                              {"frames", frames},
                              {"reply", "B"},
                              {"reference", {"A", "C"}},
                              {"evidence", Json(std::vector<double>(frames.size(), 0.1))},
                              {"score", 0}}}};
  const BenchMedia media(set, data, folder);
  BenchResult result;
  result.benchmark = "videomme";
  result.mistakes = worst_mistakes(lines, {0}, data, *set.make_task(), media, 9);
  return result;
}

TEST(WorstMistakes, NameTheirFilm) {
  const BenchResult result = wrong_about_film(Json::object(), Json::array(), "nowhere");
  ASSERT_EQ(result.mistakes.size(), 1U);
  EXPECT_EQ(result.mistakes[0].film, "data/a<b.mp4");
  const std::string page = bench_page({"owlet", "bf16", "", {{"", 0, {result}}}});
  EXPECT_NE(page.find("data/a&lt;b.mp4"), std::string::npos) << page;
  EXPECT_NE(page.find("A, C"), std::string::npos) << page;
}

TEST(WorstMistakes, ShowFramesOfTheirFilm) {
  const Json row = {{"videoID", "h264-long-gop"}, {"question", "?"},     {"options", {"A. a", "B. b"}},
                    {"answer", "A"},       {"duration", "short"}, {"domain", "d"},
                    {"sub_category", "s"}, {"task_type", "t"}};
  Json frames;
  for (int number = 0; number < 20; ++number) frames.push_back(number);
  const BenchResult result = wrong_about_film(row, frames, OWL3_TEST_DATA "/media");
  ASSERT_EQ(result.mistakes.size(), 1U);
  const BenchMistake& mistake = result.mistakes[0];
  EXPECT_EQ(mistake.pictures, 20U);
  ASSERT_EQ(mistake.thumbnails.size(), 8U) << "evenly, not the first ones";
  EXPECT_EQ(mistake.thumbnails.front().picture, 1U);
  EXPECT_EQ(mistake.thumbnails.back().picture, 18U);
  for (const BenchThumbnail& picture : mistake.thumbnails) {
    EXPECT_FALSE(picture.webp.empty());
    EXPECT_TRUE(picture.seconds.has_value());
  }
  const std::string page = bench_page({"owlet", "bf16", "", {{"", 0, {result}}}});
  EXPECT_NE(page.find(">2, 0:00: 10 % of what was read<"), std::string::npos) << page;
  EXPECT_NE(page.find("8 of 20 frames"), std::string::npos);
  // Numbers that the film does not have, and a line that somebody wrote.
  for (const Json& wrong : {Json{5, 3}, Json{99999}, Json{"x"}, Json(7)}) {
    EXPECT_TRUE(
        wrong_about_film(row, wrong, OWL3_TEST_DATA "/media").mistakes[0].thumbnails.empty());
  }
}

TEST(BenchReport, TellsRowsThatAreNotAsTheyShouldBe) {
  BenchResult result;
  result.benchmark = "videomme";
  result.rows = result.answered = 9;
  result.errors = 3;
  result.unscored = 1;
  result.first_errors = {"a.jsonl:1: a | b"};
  result.warnings = 4;
  result.first_warning = "a.jsonl:2: frame 7";
  result.files = {"out/videomme.jsonl"};
  const BenchReport report = {"owlet", "bf16", "", {{"", 0, {result}}}};
  const auto expect_parts = [](const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
  };
  expect_parts(bench_report(report, BenchFormat::kMarkdown),
               {"| that could not be asked | 2 |", "| left out, as they can't be scored | 1 |",
                "| an error | a.jsonl:1: a \\| b |", "| asked with a film that is broken | 4 |",
                "| a warning | a.jsonl:2: frame 7 |", "| written | out/videomme.jsonl |"});
  expect_parts(bench_report(report, BenchFormat::kTable),
               {"  ! a.jsonl:1: a | b\n", "  ? a.jsonl:2: frame 7\n"});
  const Json json = Json::parse(bench_report(report, BenchFormat::kJson))["benchmarks"][0];
  EXPECT_EQ(json["unscored"], 1);
  EXPECT_EQ(json["warnings"], 4);
  EXPECT_EQ(json["first_warning"], "a.jsonl:2: frame 7");
  expect_parts(bench_page(report), {"Rows about films that are broken: 4", "frame 7"});
}

/// Rows of a benchmark, each with a reply, and what is made of them.
class Replies {
 public:
  explicit Replies(const std::string& set) : task_(find_benchmark_set(set).make_task()) {}

  void add(const char* row, const std::string& reply) {
    const auto number = std::ssize(data.rows);
    data.rows.emplace_back().row = Json::parse(row);
    data.rows.back().place.part = "multi_image_instruction";  // of MIBench
    lines[number] = {{"row", number}, {"reply", reply}};
    rows_.push_back(number);
  }
  BenchScorer scorer() const { return {*task_, data, lines, rows_}; }

  BenchmarkData data;
  BenchLines lines;

 private:
  std::unique_ptr<BenchmarkTask> task_;
  std::vector<int64_t> rows_;
};

std::vector<int64_t> left_out_of(const Replies& replies) {
  const BenchScorer scorer = replies.scorer();
  std::vector<int64_t> rows;
  for (const auto& [row, what] : scorer.left_out()) {
    EXPECT_FALSE(what.empty());
    rows.push_back(row);
  }
  const BenchmarkMetrics metrics = scorer.metrics(Compatibility::kIntended);
  EXPECT_EQ(metrics.scores.size(), scorer.scored().size());
  EXPECT_EQ(scorer.scored().size() + rows.size(), replies.lines.size());
  return rows;
}

TEST(BenchScorer, LeavesOutAReferenceThatIsBroken) {
  Replies pope("pope_random");
  pope.add(R"({"image": "a", "question": "?", "question_id": 1, "answer": "yes"})", "yes");
  pope.add(R"({"image": "a", "question": "?", "question_id": 2, "answer": "maybe"})", "yes");
  pope.add(R"({"image": "a", "question": "?", "question_id": 3, "answer": "no"})", "yes");
  EXPECT_EQ(left_out_of(pope), std::vector<int64_t>{1});
  EXPECT_EQ(pope.scorer().left_out().at(1), "the annotation \"maybe\" is neither yes nor no");
  EXPECT_EQ(pope.scorer().metrics(Compatibility::kIntended).values["Accuracy"], 0.5);

  Replies many("gqa_testdev");
  for (int i = 0; i < 100; ++i) {
    const std::string answer = i == 17 || i == 99 ? "null" : R"("owl")";
    many.add((R"({"question_id": 1, "answer": )" + answer + "}").c_str(), "owl");
  }
  EXPECT_EQ(left_out_of(many), (std::vector<int64_t>{17, 99}));
  EXPECT_EQ(many.scorer().metrics(Compatibility::kIntended).values["Accuracy"], 100.0);

  Replies none("gqa_testdev");
  none.add(R"({"question_id": 1, "answer": null})", "owl");
  EXPECT_EQ(left_out_of(none), std::vector<int64_t>{0});
}

TEST(BenchScorer, LeavesOutQuestionsWithoutAnnotators) {
  Replies okvqa("okvqa_val");
  for (const char* id : {"1", "2", "3", "null"}) {
    okvqa.add((std::string(R"({"question_id": )") + id + "}").c_str(), "owl");
  }
  const auto annotate = [&](int id, const std::vector<std::string>& answers) {
    Json list = Json::array();
    for (const std::string& answer : answers) list.push_back({{"answer", answer}});
    okvqa.data.truth.annotations.push_back({{"question_id", id},
                                            {"question_type", "one"},
                                            {"answer_type", "other"},
                                            {"answers", list}});
  };
  annotate(1, {"owl", "bird", "owl", "owl", "owl"});
  annotate(2, {});
  okvqa.data.truth.annotations.push_back("no annotation");
  EXPECT_EQ(left_out_of(okvqa), (std::vector<int64_t>{1, 2, 3}));
  const BenchScorer scorer = okvqa.scorer();
  EXPECT_EQ(scorer.metrics(Compatibility::kIntended).values["overall"], 100.0);
  const Json record = scorer.records(Compatibility::kIntended).at(0);
  EXPECT_EQ(scorer.annotators_answer(record), "owl");
  annotate(3, {"bird", "owl"});
  EXPECT_EQ(left_out_of(okvqa), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(okvqa.scorer().annotators_answer({{"question_id", 3}}), Json({"bird", "owl"}));
  EXPECT_EQ(okvqa.scorer().annotators_answer({{"question_id", 4}}), nullptr);
}

TEST(BenchScorer, LeavesOutRowsWithoutARecord) {
  Replies mi_bench("mi_bench");
  mi_bench.add(R"({"id": 1, "task": "x", "options": ["a", "b"], "answer": "a"})", "A");
  mi_bench.add(R"({"task": "x", "options": ["a", "b"], "answer": "a"})", "A");
  mi_bench.add(R"({"id": 2, "options": ["a", "b"], "answer": "a"})", "A");
  mi_bench.add(R"({"id": 3, "task": 7, "options": ["a", "b"], "answer": "a"})", "A");
  EXPECT_EQ(left_out_of(mi_bench), (std::vector<int64_t>{1, 2, 3}));
  Replies mlvu("mlvu");
  mlvu.add(R"({"question_type": "count", "candidates": ["1", "2"], "answer": "1"})", "A");
  mlvu.add(R"({"candidates": ["1", "2"], "answer": "1"})", "A");
  EXPECT_EQ(left_out_of(mlvu), std::vector<int64_t>{1});
}

TEST(BenchScorer, GivesNoPointForARowThatCouldNotBeAsked) {
  Replies videomme("videomme");
  const char* row = R"({"answer": "A", "duration": "short", "domain": "d", "sub_category": "s",)"
                    R"( "task_type": "t"})";
  videomme.add(row, "A");
  videomme.add(row, "");
  videomme.add(row, "");
  videomme.lines[2] = {{"row", 2}, {"error", "there is no film"}};
  EXPECT_EQ(left_out_of(videomme), std::vector<int64_t>());
  const BenchScorer scorer = videomme.scorer();
  using Scores = std::vector<std::optional<double>>;
  EXPECT_EQ(scorer.metrics(Compatibility::kIntended).scores, (Scores{1, 1, 0}))
      << "the rule reads A from an empty reply, but there was none";
  EXPECT_EQ(scorer.metrics(Compatibility::kOfficial).scores, (Scores{1, 1, 1}));
}

BenchRun run_of(const std::string& type, std::vector<BenchAnswer> answers) {
  BenchResult result;
  result.benchmark = "gqa_testdev";
  result.answers = std::move(answers);
  return {type, 0, {result}};
}

TEST(TypeDifferences, CountRowsThatBothAnswered) {
  const BenchRun first = run_of("bf16", {{0, 10, 1.0}, {1, 11, 1.0}, {2, 12, 0.0}, {4, 14, {}}});
  const BenchRun second = run_of("q4_k", {{0, 10, 1.0}, {2, 99, 0.5}, {3, 13, 1.0}, {4, 14, {}}});
  const auto differences = type_differences({first, second});
  ASSERT_EQ(differences.size(), 1U);
  const BenchTypeDifference& one = differences.front();
  EXPECT_EQ(one.type, "q4_k");
  EXPECT_EQ(one.to, "bf16");
  EXPECT_EQ(one.answered, 3) << "rows 0, 2 and 4";
  EXPECT_EQ(one.same_replies, 2);
  EXPECT_EQ(one.scored, 2);
  EXPECT_EQ(one.mean_to, 0.5);
  EXPECT_EQ(one.mean, 0.75);
  EXPECT_EQ(one.better, 1);
  EXPECT_EQ(one.worse, 0);
  EXPECT_EQ(one.p_value(), 1);
  BenchRun ended = second;
  ended.results[0].interrupted = true;
  EXPECT_TRUE(type_differences({first, ended}).empty());
}

TEST(PublishedScores, AreThoseOfTheReleasedModel) {
  const auto blink = published_scores("out_domain", "owl3-7b-240728");
  ASSERT_EQ(blink.size(), 4U);
  EXPECT_EQ(blink[3].what, "BLINK");
  EXPECT_EQ(blink[3].percent, 50.3);
  EXPECT_EQ(published_scores("out_domain", "owl3-7b")[3].percent, 53.8);
  EXPECT_TRUE(published_scores("out_domain", "owl3-2b").empty()) << "the authors give none";
  EXPECT_TRUE(published_scores("out_domain", "").empty());
}

}  // namespace
}  // namespace owl3
