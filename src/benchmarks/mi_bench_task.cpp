// MIBench: questions about several pictures, each asked once for every rotation of its options and
// right only when all are.
#include <algorithm>
#include <map>

#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/short_answers.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kParts[] = {"multi_image_instruction", "multimodal_knowledge_seeking"};

/// The options, moved to the left so many times.
std::vector<Json> rotated_options(const Json& row, int64_t rotation) {
  const Json& list = list_field(row, "options");
  std::vector<Json> options(list.begin(), list.end());
  if (options.empty()) throw InputError("the row has no options");
  std::rotate(options.begin(), options.begin() + rotation % std::ssize(options), options.end());
  return options;
}

Json reference_of(const Json& row, int64_t rotation) {
  const std::vector<Json> options = rotated_options(row, rotation);
  const auto found = std::find(options.begin(), options.end(), field(row, "answer"));
  if (found == options.end()) throw InputError("the answer of the row is none of its options");
  return letter(found - options.begin());
}

/// The rotations of a question.
struct Question {
  std::string part, task;
  bool right = true;
  std::vector<size_t> records;
};

class MiBenchTask : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    for (const std::string& image : texts_field(row, "image")) {
      prompt.images.emplace_back(python::plain_path("path/to/MIBench", image));
    }
    prompt.messages = plain_messages(fmt::format(
        "{}\nOptions: {}\n{}", python::replace_all(text_field(row, "question"), "<image>", kImage),
        lettered_options(rotated_options(row, place.rotation), kAnyNumber), kAnswerByLetter));
    prompt.reference = reference_of(row, place.rotation);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& place, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"index", field(row, "id")},
            {"prediction", reply},
            {"ground_truth", reference_of(row, place.rotation)},
            {"category", field(row, "task")},
            {"category_top", place.part}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                           Compatibility mode) const override;
};

bool is_right(const Json& record, Compatibility mode) {
  const auto said = mi_bench_answer(text_field(record, "prediction"));
  if (!said && mode == Compatibility::kOfficial) {
    throw InputError("the official code ends at a reply that is empty");
  }
  return said == python::lower(text_field(record, "ground_truth"));
}

BenchmarkMetrics MiBenchTask::metrics(const std::vector<Json>& records,
                                      const BenchmarkTruth& /*truth*/, Compatibility mode) const {
  std::vector<Question> questions;
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < records.size(); ++i) {
    const auto [place, is_new] =
        places.try_emplace(field(records[i], "index").dump(), questions.size());
    if (is_new) {
      questions.push_back(
          {text_field(records[i], "category_top"), text_field(records[i], "category"), true, {}});
    }
    Question& question = questions[place->second];
    question.right = is_right(records[i], mode) && question.right;
    question.records.push_back(i);
  }
  BenchmarkMetrics result;
  result.scores.resize(records.size());
  std::map<std::string, std::map<std::string, std::vector<std::optional<double>>>> by_part;
  std::vector<std::optional<double>> all;
  for (const char* part : kParts) by_part[part];
  for (const Question& question : questions) {
    const auto part = by_part.find(question.part);
    if (part == by_part.end()) {
      throw InputError(fmt::format("MIBench has no part \"{}\"", question.part));
    }
    const double score = question.right ? 1 : 0;
    part->second[question.task].emplace_back(score);
    all.emplace_back(score);
    for (const size_t i : question.records) result.scores[i] = score;
  }
  Json categories = Json::object();
  for (const char* part : kParts) {
    categories[part] = Json::object();
    for (const auto& [task, scores] : by_part[part]) categories[part][task] = share_of(scores);
  }
  result.values = {{"Overall-Accuracy", share_of(all)}, {"Category", std::move(categories)}};
  return result;
}

}  // namespace

std::unique_ptr<BenchmarkTask> make_mi_bench_task(const std::string& set,
                                                  const TaskSettings& settings) {
  return set == "mi_bench" ? std::make_unique<MiBenchTask>(settings) : nullptr;
}

}  // namespace owl3
