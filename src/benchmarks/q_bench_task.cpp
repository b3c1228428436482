// Q-Bench2: questions about the quality of two pictures.
#include <algorithm>

#include "benchmarks/choice_answers.h"
#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

/// The options that are there: the others are "N/A".
Json options_of(const Json& row) {
  Json options = Json::array();
  for (const char* key : {"option0", "option1", "option2", "option3"}) {
    const Json& option = field(row, key);
    if (option != "N/A") options.push_back(option);
  }
  return options;
}

/// The letter of the first option that is the same as the right one. The row's letter counts the
/// options that are there.
Json reference_of(const Json& row) {
  const std::string choice = text_field(row, "correct_choice");
  const auto characters = python::characters(choice);
  if (characters.size() != 1) {
    throw InputError(fmt::format("the correct_choice \"{}\" is not one letter", choice));
  }
  const Json options = options_of(row);
  const Json& right =
      entry_of(options, static_cast<int64_t>(characters[0].code_point) - 'A', "options");
  return letter(std::find(options.begin(), options.end(), right) - options.begin());
}

class QBenchTask : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    prompt.images = {field(row, "image1"), field(row, "image2")};
    prompt.messages = plain_messages(
        fmt::format("Image 1: {0}\nImage 2: {0}\nQuestion: {1}\nOptions: {2}\n{3}", kImage,
                    python::text_of(field(row, "question")),
                    lettered_options(options_of(row), kFiveLetters), kAnswerByLetter));
    prompt.reference = reference_of(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& place, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"index", place.index},
            {"prediction", reply},
            {"ground_truth", reference_of(row)},
            {"question_concern", field(row, "question_concern")},
            {"question_type", field(row, "question_type")}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    BenchmarkMetrics result;
    for (const Json& record : records) {
      const bool right =
          field(record, "ground_truth") == q_bench2_answer(text_field(record, "prediction"));
      result.scores.emplace_back(right ? 1 : 0);
    }
    result.values = {{"Overall", share_of(result.scores) * 100}};
    return result;
  }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_q_bench_task(const std::string& set,
                                                 const TaskSettings& settings) {
  return set == "q_bench2" ? std::make_unique<QBenchTask>(settings) : nullptr;
}

}  // namespace owl3
