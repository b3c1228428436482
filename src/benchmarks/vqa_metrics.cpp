#include "benchmarks/vqa_metrics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/short_answers.h"
#include "benchmarks/vqa_answers.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kDecimals = 2;

/// The annotators' entries, punctuation taken out of their answers unless all are the same.
std::vector<Json> prepared_entries(const Json& annotation, Compatibility mode) {
  const Json& list = list_field(annotation, "answers");
  if (list.empty() && mode == Compatibility::kIntended) {
    throw InputError(fmt::format("question {} has annotations, but no answer among them",
                                 field(annotation, "question_id").dump()));
  }
  std::vector<Json> entries(list.begin(), list.end());
  std::set<std::string> different;
  for (const Json& entry : entries) different.insert(text_field(entry, "answer"));
  if (different.size() <= 1) return entries;
  for (Json& entry : entries) {
    entry["answer"] = remove_punctuation(text_field(entry, "answer"), CommaRule::kVqa, mode);
  }
  return entries;
}

double agreement(const std::string& answer, const std::vector<Json>& entries, Compatibility mode) {
  double total = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    int matches = 0;
    for (size_t k = 0; k < entries.size(); ++k) {
      const bool left_out = mode == Compatibility::kOfficial ? entries[k] == entries[i] : k == i;
      if (!left_out && entries[k].at("answer") == answer) ++matches;
    }
    total += std::min(1.0, matches / 3.0);
  }
  return python::divide(total, static_cast<double>(entries.size()));
}

double percent(const std::vector<double>& scores) {
  return python::divide(100 * python::sum(scores), static_cast<double>(scores.size()));
}

/// Means of groups in the order in which they first come.
class Groups {
 public:
  void add(const std::string& name, double score) {
    const auto [place, is_new] = scores_.try_emplace(name);
    if (is_new) names_.push_back(name);
    place->second.push_back(score);
  }

  Json percentages() const {
    Json result = Json::object();
    for (const std::string& name : names_) {
      result[name] = python::round_to(percent(scores_.at(name)), kDecimals);
    }
    return result;
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::vector<double>> scores_;
};

/// The replies by question. Throws InputError unless the questions are the annotated ones.
std::map<std::string, std::string> replies_by_question(const std::vector<Json>& records,
                                                       const std::vector<Json>& annotations) {
  std::map<std::string, std::string> replies;
  std::set<std::string> asked;
  for (const Json& annotation : annotations) asked.insert(field(annotation, "question_id").dump());
  for (const Json& record : records) {
    const std::string id = field(record, "question_id").dump();
    if (!asked.contains(id)) {
      throw InputError(fmt::format("question {} has a reply, but no annotations", id));
    }
    replies[id] = text_field(record, "answer");
  }
  for (const std::string& id : asked) {
    if (!replies.contains(id)) {
      throw InputError(fmt::format("question {} has annotations, but no reply", id));
    }
  }
  return replies;
}

}  // namespace

BenchmarkMetrics annotator_agreement(const std::vector<Json>& records,
                                     const std::vector<Json>& annotations, Compatibility mode) {
  const auto replies = replies_by_question(records, annotations);
  std::map<std::string, double> by_question;
  std::vector<double> scores;
  Groups question_types, answer_types;
  Json per_question = Json::object();
  for (const Json& annotation : annotations) {
    const std::string id = field(annotation, "question_id").dump();
    const std::string answer = vqa_answer(replies.at(id), mode);
    const double score = agreement(answer, prepared_entries(annotation, mode), mode);
    scores.push_back(score);
    by_question[id] = score;
    question_types.add(text_field(annotation, "question_type"), score);
    answer_types.add(text_field(annotation, "answer_type"), score);
    per_question[id] = python::round_to(100 * score, kDecimals);
  }
  const double overall = percent(scores);
  BenchmarkMetrics result;
  result.values = {{"overall", python::round_to(overall, kDecimals)},
                   {"perQuestionType", question_types.percentages()},
                   {"perAnswerType", answer_types.percentages()}};
  result.details = {{"per_question", std::move(per_question)},
                    {"per_question_exact", scores},
                    {"overall_exact", overall}};
  for (const Json& record : records) {
    result.scores.emplace_back(by_question.at(field(record, "question_id").dump()));
  }
  return result;
}

double matches_exactly(const std::string& answer, const Json& annotation) {
  const std::string said = python::lower(python::strip(answer));
  const auto matches = [&](const Json& text) {
    if (!text.is_string()) throw InputError("the annotation of the row is no text");
    const auto wanted = text.get<std::string>();
    return python::lower(python::strip(wanted)) == said;
  };
  if (!annotation.is_array()) return matches(annotation) ? 1 : 0;
  if (annotation.empty()) throw InputError("the annotation of the row is an empty list");
  return std::any_of(annotation.begin(), annotation.end(), matches) ? 1 : 0;
}

BenchmarkMetrics gqa_accuracy(const std::vector<Json>& records, Compatibility mode) {
  std::vector<double> heuristic, evalai;
  BenchmarkMetrics result;
  for (const Json& record : records) {
    const std::string reply = text_field(record, "answer");
    const Json& annotation = field(record, "annotation");
    heuristic.push_back(matches_exactly(gqa_answer(reply), annotation));
    evalai.push_back(matches_exactly(evalai_answer(reply, mode), annotation));
    result.scores.emplace_back(heuristic.back());
  }
  const auto count = static_cast<double>(records.size());
  result.values = {
      {"Accuracy", python::divide(python::sum(heuristic), count) * 100},
      {"EvalAI Post Process Accuracy", python::divide(python::sum(evalai), count) * 100}};
  return result;
}

BenchmarkMetrics pope_metrics(const std::vector<Json>& records) {
  double true_yes = 0, false_yes = 0, true_no = 0, false_no = 0, yes = 0;
  BenchmarkMetrics result;
  for (const Json& record : records) {
    const std::string annotation = text_field(record, "annotation");
    const YesOrNo truth = yes_or_no(annotation);
    if (truth == YesOrNo::kNeither) {
      throw InputError(fmt::format("the annotation \"{}\" is neither yes nor no", annotation));
    }
    const YesOrNo said = yes_or_no(text_field(record, "answer"));
    result.scores.emplace_back(said == truth ? 1 : 0);
    if (said == YesOrNo::kYes) {
      ++yes;
      ++(truth == YesOrNo::kYes ? true_yes : false_yes);
    } else if (said == YesOrNo::kNo) {
      ++(truth == YesOrNo::kNo ? true_no : false_no);
    }
  }
  const double recall = python::divide(true_yes, true_yes + false_no);
  const double precision = python::divide(true_yes, true_yes + false_yes);
  result.values = {
      {"Accuracy", python::divide(true_yes + true_no, true_yes + true_no + false_yes + false_no)},
      {"Precision", precision},
      {"Recall", recall},
      {"F1", 2 * python::divide(precision * recall, precision + recall)},
      {"Yes Proportion", python::divide(yes, static_cast<double>(records.size()))}};
  return result;
}

}  // namespace owl3
