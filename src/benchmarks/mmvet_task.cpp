// MM-Vet: open questions about single pictures, judged by others.
#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

class MmVetTask : public BenchmarkTask {
 public:
  using BenchmarkTask::BenchmarkTask;

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    const Json& entry = field(row, key(place));
    BenchmarkPrompt prompt;
    prompt.images = {python::join_path("images/mmvet/images/", text_field(entry, "imagename"))};
    const std::string question = text_field(entry, "question");
    prompt.messages = plain_messages(fmt::format("{}\n{}", kImage, python::strip(question)));
    prompt.reference = "None";
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& /*row*/, const RowPlace& place, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"answer", reply}, {"question_id", key(place)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& /*records*/, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    throw InputError("MM-Vet's replies are judged by another model: they are submitted");
  }

  bool submit_only() const override { return true; }

  Submission submission(const std::vector<Json>& records,
                        const BenchmarkTruth& /*truth*/) const override {
    Json content = Json::object();
    for (const Json& record : records) {
      content[text_field(record, "question_id")] = text_field(record, "answer");
    }
    std::string text = python::json_text(content);
    return {std::move(content), std::move(text)};
  }

 private:
  static std::string key(const RowPlace& place) { return fmt::format("v1_{}", place.index); }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_mmvet_task(const std::string& set,
                                               const TaskSettings& settings) {
  return set == "mmvet" ? std::make_unique<MmVetTask>(settings) : nullptr;
}

}  // namespace owl3
