// NLVR2: whether a sentence is true of two pictures.
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

class Nlvr2Task : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    prompt.images = {field(row, "left_image"), field(row, "right_image")};
    prompt.messages = plain_messages(
        fmt::format("Left image: {0} Right image: {0}\n{1}\nyes or no? Answer the question using a "
                    "single word.",
                    kImage, python::text_of(field(row, "question"))));
    prompt.reference = reference(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"pred", reply}, {"ground_truth", reference(row)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    BenchmarkMetrics result;
    for (const Json& record : records) {
      const bool right = nlvr2_answer(text_field(record, "pred")) ==
                         python::lower(text_field(record, "ground_truth"));
      result.scores.emplace_back(right ? 1 : 0);
    }
    result.values = {{"Accuracy", share_of(result.scores)}};
    return result;
  }

 private:
  /// Whatever is not "False" is true to the official code.
  static Json reference(const Json& row) { return field(row, "answer") == "False" ? "no" : "yes"; }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_nlvr2_task(const std::string& set,
                                               const TaskSettings& settings) {
  return set == "nlvr2" ? std::make_unique<Nlvr2Task>(settings) : nullptr;
}

}  // namespace owl3
