// Open questions about films: the official class VideoQA, which no data set of the plan uses. It
// takes four accuracies one after the other, each of what those before left of the replies.
#include <algorithm>

#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "benchmarks/vqa_answers.h"
#include "benchmarks/vqa_metrics.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// A reply and its annotations, which the accuracies change.
struct Entry {
  std::string answer;
  std::vector<std::string> annotations;
};

Entry entry_of_record(const Json& record) {
  const Json& annotation = field(record, "annotation");
  Entry entry{text_field(record, "answer"), {}};
  if (annotation.is_string()) {
    entry.annotations = {annotation.get<std::string>()};
  } else {
    entry.annotations = texts_field(record, "annotation");
  }
  if (entry.annotations.empty()) throw InputError("the annotation of the row is an empty list");
  return entry;
}

/// Up to the first full stop and comma; number words of the annotations as digits.
void post_process(Entry& entry) {
  const std::string_view clause = python::before(python::before(entry.answer, "."), ",");
  entry.answer = std::string(python::strip(clause));
  for (std::string& annotation : entry.annotations) {
    annotation = std::string(number_word(annotation));
  }
}

std::string compared(const std::string& text) {
  return python::lower(python::strip(text));
}

bool is_same(const std::string& answer, const std::string& annotation) {
  return compared(answer) == compared(annotation);
}

bool is_within(const std::string& answer, const std::string& annotation) {
  const std::string said = compared(answer), wanted = compared(annotation);
  return python::contains(wanted, said) || python::contains(said, wanted);
}

using Matches = bool (*)(const std::string&, const std::string&);

double score(const Entry& entry, Matches matches) {
  return std::any_of(entry.annotations.begin(), entry.annotations.end(),
                     [&](const std::string& text) { return matches(entry.answer, text); })
             ? 1
             : 0;
}

double accuracy(const std::vector<Entry>& entries, Matches matches) {
  double total = 0;
  for (const Entry& entry : entries) total += score(entry, matches);
  return python::divide(total, static_cast<double>(entries.size())) * 100;
}

class VideoQaTask : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& /*row*/, const RowPlace& /*place*/) const override {
    throw InputError("VideoQA has no data set in the official evaluation, and so no prompt");
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"question_id", field(row, "data_id")},
            {"answer", reply},
            {"annotation", field(row, "answer")}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    std::vector<Entry> entries;
    BenchmarkMetrics result;
    for (const Json& record : records) {
      entries.push_back(entry_of_record(record));
      result.scores.emplace_back(score(entries.back(), is_same));
    }
    const double exact = accuracy(entries, is_same);
    std::for_each(entries.begin(), entries.end(), post_process);
    const double exact_after = accuracy(entries, is_same);
    const double within = accuracy(entries, is_within);
    std::for_each(entries.begin(), entries.end(), post_process);
    result.values = {{"Exact Accuracy", exact},
                     {"Exact Accuracy (Post)", exact_after},
                     {"In Accuracy", within},
                     {"In Accuracy (Post)", accuracy(entries, is_within)}};
    return result;
  }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_video_qa_task(const std::string& set,
                                                  const TaskSettings& settings) {
  return set.empty() ? std::make_unique<VideoQaTask>(settings) : nullptr;
}

}  // namespace owl3
