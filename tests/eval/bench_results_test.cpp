// What is made of a benchmark's records: the answers that are shown, and how two runs differ.
#include <gtest/gtest.h>

#include "benchmarks/published_scores.h"
#include "eval/bench_differences.h"
#include "eval/bench_mistakes.h"

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
