#include "eval/bench_differences.h"

#include "eval/bench_compare.h"

namespace owl3 {

namespace {

void add_row(const BenchAnswer& answer, const BenchAnswer& to, BenchTypeDifference& difference) {
  ++difference.answered;
  if (answer.reply == to.reply) ++difference.same_replies;
  if (!answer.score || !to.score) return;
  ++difference.scored;
  difference.mean += *answer.score;
  difference.mean_to += *to.score;
  if (*answer.score > *to.score) ++difference.better;
  if (*answer.score < *to.score) ++difference.worse;
}

/// Answers are in the order of their rows.
BenchTypeDifference difference_of(const BenchResult& result, const BenchResult& to) {
  BenchTypeDifference difference;
  difference.benchmark = result.benchmark;
  auto other = to.answers.begin();
  for (const BenchAnswer& answer : result.answers) {
    while (other != to.answers.end() && other->row < answer.row) ++other;
    if (other == to.answers.end()) break;
    if (other->row == answer.row) add_row(answer, *other, difference);
  }
  if (difference.scored > 0) {
    difference.mean /= static_cast<double>(difference.scored);
    difference.mean_to /= static_cast<double>(difference.scored);
  }
  return difference;
}

}  // namespace

double BenchTypeDifference::p_value() const {
  return sign_test(better, better + worse);
}

const BenchResult* result_of(const BenchRun& run, const std::string& benchmark) {
  for (const BenchResult& result : run.results) {
    if (result.benchmark == benchmark) return &result;
  }
  return nullptr;
}

std::vector<BenchTypeDifference> type_differences(const std::vector<BenchRun>& runs) {
  std::vector<BenchTypeDifference> differences;
  if (runs.empty()) return differences;
  for (const BenchResult& to : runs.front().results) {
    for (size_t i = 1; i < runs.size(); ++i) {
      const BenchResult* result = result_of(runs[i], to.benchmark);
      if (result == nullptr || result->interrupted || to.interrupted) continue;
      differences.push_back(difference_of(*result, to));
      differences.back().type = runs[i].type;
      differences.back().to = runs.front().type;
    }
  }
  return differences;
}

}  // namespace owl3
