#include "eval/bench_scoring.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// How the annotations name a record's question; empty: not at all.
std::string question_of(const Json& entry) {
  return entry.is_object() && entry.contains("question_id") ? entry["question_id"].dump() : "";
}

}  // namespace

BenchScorer::BenchScorer(const BenchmarkTask& task, const BenchmarkData& data,
                         const BenchLines& lines, const std::vector<int64_t>& rows)
    : task_(task), data_(data), lines_(lines) {
  for (const int64_t row : rows) {
    if (!lines_.contains(row)) continue;
    try {
      candidates_.push_back({row, record(row, Compatibility::kIntended)});
    } catch (const InputError& error) {
      left_out_[row] = error.what();
    }
  }
  try {
    try_out({});
  } catch (const InputError&) {
    return;  // no row's fault: metrics() tells it
  }
  find_broken(candidates_);
  std::erase_if(candidates_, [&](const Candidate& one) { return left_out_.contains(one.row); });
}

std::vector<int64_t> BenchScorer::scored() const {
  std::vector<int64_t> rows;
  for (const Candidate& one : candidates_) rows.push_back(one.row);
  return rows;
}

std::vector<Json> BenchScorer::records(Compatibility mode) const {
  std::vector<Json> records;
  for (const Candidate& one : candidates_) {
    records.push_back(mode == Compatibility::kIntended ? one.record : record(one.row, mode));
  }
  return records;
}

BenchmarkMetrics BenchScorer::metrics(Compatibility mode) const {
  const std::vector<Json> all = records(mode);
  return task_.metrics(all, truth_of(all), mode);
}

Submission BenchScorer::submission() const {
  const std::vector<Json> all = records(Compatibility::kOfficial);
  return task_.submission(all, truth_of(all));
}

Json BenchScorer::annotators_answer(const Json& record) const {
  const std::string question = question_of(record);
  if (question.empty()) return nullptr;
  const auto found =
      std::find_if(data_.truth.annotations.begin(), data_.truth.annotations.end(),
                   [&](const Json& annotation) { return question_of(annotation) == question; });
  if (found == data_.truth.annotations.end() || !found->contains("answers")) return nullptr;
  std::vector<std::pair<std::string, int>> counts;  // in the order in which they come
  for (const Json& entry : found->at("answers")) {
    if (!entry.is_object() || !entry.contains("answer") || !entry["answer"].is_string()) continue;
    const auto answer = entry["answer"].get<std::string>();
    const auto place = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& count) { return count.first == answer; });
    ++(place == counts.end() ? counts.emplace_back(answer, 0) : *place).second;
  }
  int most = 0;
  for (const auto& [answer, count] : counts) most = std::max(most, count);
  Json answers = Json::array();
  for (const auto& [answer, count] : counts) {
    if (count == most) answers.push_back(answer);
  }
  if (answers.empty()) return nullptr;
  return answers.size() == 1 ? Json(answers.front()) : answers;
}

/// The official record of a row's reply. Throws InputError where the row is so broken that it has
/// none.
Json BenchScorer::record(int64_t number, Compatibility mode) const {
  const BenchmarkRow& row = data_.rows[static_cast<size_t>(number)];
  if (!row.error.empty()) throw InputError(row.error);
  const Json& line = lines_.at(number);
  if (line.contains("error")) return task_.unasked_record(row.row, row.place, mode);
  return task_.record(row.row, row.place, line.value("reply", std::string()), mode);
}

/// The annotations of the records' questions, and what all have together.
BenchmarkTruth BenchScorer::truth_of(const std::vector<Json>& records) const {
  BenchmarkTruth truth;
  truth.table = data_.truth.table;
  std::set<std::string> asked;
  for (const Json& record : records) asked.insert(question_of(record));
  for (const Json& annotation : data_.truth.annotations) {
    const std::string question = question_of(annotation);
    if (!question.empty() && asked.contains(question)) truth.annotations.push_back(annotation);
  }
  return truth;
}

/// Throws InputError where the metrics, or the file to be handed in, can't be made of these.
void BenchScorer::try_out(std::span<const Candidate> part) const {
  std::vector<Json> records;
  for (const Candidate& one : part) records.push_back(one.record);
  if (task_.submit_only()) {
    task_.submission(records, truth_of(records));
  } else {
    task_.metrics(records, truth_of(records), Compatibility::kIntended);
  }
}

/// Halves what can't be scored until single rows are left: one among thousands takes few tries.
void BenchScorer::find_broken(std::span<const Candidate> part) {
  if (part.empty()) return;
  try {
    try_out(part);
    return;
  } catch (const InputError& error) {
    if (part.size() == 1) {
      left_out_[part.front().row] = error.what();
      return;
    }
  }
  find_broken(part.first(part.size() / 2));
  find_broken(part.subspan(part.size() / 2));
}

}  // namespace owl3
