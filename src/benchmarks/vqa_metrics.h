// The metrics of visual question answering: agreement with ten annotators, GQA's two accuracies,
// POPE's five numbers.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "benchmarks/task.h"

namespace owl3 {

/// The VQA score: the mean over annotators of min(1, agreement with the other nine / 3). Details:
/// per_question (two decimals), per_question_exact, overall_exact. Officially, entries without
/// answer_id that are equal are left out together. Throws InputError unless there is a reply to
/// each annotated question and to no other.
BenchmarkMetrics annotator_agreement(const std::vector<nlohmann::ordered_json>& records,
                                     const std::vector<nlohmann::ordered_json>& annotations,
                                     Compatibility mode);

BenchmarkMetrics gqa_accuracy(const std::vector<nlohmann::ordered_json>& records,
                              Compatibility mode);

/// Replies that are neither yes nor no count below the line of the yes share only.
BenchmarkMetrics pope_metrics(const std::vector<nlohmann::ordered_json>& records);

/// 1 where the answer is one of the texts of the annotation (one, or a list), small letters and
/// stripped both; else 0.
double matches_exactly(const std::string& answer, const nlohmann::ordered_json& annotation);

}  // namespace owl3
