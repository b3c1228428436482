// AI2D: questions about diagrams, scored by the first character of the reply.
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

std::string numbered_options(const Json& options) {
  std::vector<std::string> lines;
  for (const Json& option : options) {
    lines.push_back(fmt::format("{}. {}", lines.size(), python::text_of(option)));
  }
  return python::join(lines, "\n");
}

class Ai2dTask : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    const Json& options = list_field(row, "options");
    const bool numbers = settings().use_number;
    BenchmarkPrompt prompt;
    prompt.images = {field(row, "image")};
    prompt.messages = plain_messages(fmt::format(
        "{}\nQuestion: {}\nOptions:\n{}\n{}", kImage, python::text_of(field(row, "question")),
        numbers ? numbered_options(options) : lettered_options(options, kFiveLetters),
        numbers ? "Answer with the option’s number from the given choices directly."
                : kAnswerByLetter));
    prompt.reference = reference(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"pred", reply}, {"ground_truth", reference(row)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility mode) const override {
    BenchmarkMetrics result;
    for (const Json& record : records) {
      const std::string reference = text_field(record, "ground_truth");
      const auto wanted = ai2d_answer(reference);
      if (!wanted) throw InputError("the right answer of a row is empty");
      const auto said = ai2d_answer(text_field(record, "pred"));
      if (!said && mode == Compatibility::kOfficial) {
        throw InputError("the official code ends at a reply that is empty");
      }
      result.scores.emplace_back(said == wanted ? 1 : 0);
    }
    result.values = {{"Accuracy", share_of(result.scores)}};
    return result;
  }

 private:
  Json reference(const Json& row) const {
    const Json& answer = field(row, "answer");
    return settings().use_number ? answer : Json(one_of_five(answer));
  }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_ai2d_task(const std::string& set,
                                              const TaskSettings& settings) {
  return set == "ai2d" ? std::make_unique<Ai2dTask>(settings) : nullptr;
}

}  // namespace owl3
