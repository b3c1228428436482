// Visual question answering in a word or two: VQAv2, OK-VQA, TextVQA, VizWiz, GQA, POPE.
#include <array>
#include <utility>

#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/short_answers.h"
#include "benchmarks/task_parts.h"
#include "benchmarks/vqa_answers.h"
#include "benchmarks/vqa_metrics.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kShortly = " Answer the question using a single word or phrase.";
constexpr std::string_view kOrUnanswerable =
    " When the provided information is insufficient, respond with 'Unanswerable'.";

enum class Scoring { kNone, kAnnotators, kGqa, kPope };

struct DataSet {
  const char* name;
  Scoring scoring;
};

constexpr std::array<DataSet, 8> kDataSets = {{{"vqav2_test", Scoring::kNone},
                                               {"okvqa_val", Scoring::kAnnotators},
                                               {"textvqa_val_ocr_v2", Scoring::kAnnotators},
                                               {"vizwiz_test", Scoring::kNone},
                                               {"gqa_testdev", Scoring::kGqa},
                                               {"pope_random", Scoring::kPope},
                                               {"pope_popular", Scoring::kPope},
                                               {"pope_adversarial", Scoring::kPope}}};

class VqaTask : public BenchmarkTask {
 public:
  VqaTask(const DataSet& set, TaskSettings settings)
      : BenchmarkTask(std::move(settings)), name_(set.name), scoring_(set.scoring) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    const bool other_names = row.contains("images");
    prompt.images = {image_path(field(row, other_names ? "images" : "image"))};
    field(row, other_names ? "query" : "question");
    question_id(row);
    prompt.messages = system_messages(question(row));
    prompt.reference = annotation(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    if (scoring_ == Scoring::kPope) {
      return {{"image", question_id(row)},
              {"answer", pope_answer(reply)},
              {"annotation", annotation(row)}};
    }
    if (name_ == "vizwiz_test") {
      return {{"image", question_id(row)}, {"answer", vizwiz_answer(reply)}};
    }
    const int64_t id = python::integer_of(question_id(row), "the question_id");
    if (scoring_ == Scoring::kGqa) {
      return {{"question_id", id}, {"answer", reply}, {"annotation", annotation(row)}};
    }
    // What is submitted is the official file in every mode.
    return {{"question_id", id},
            {"answer", scoring_ == Scoring::kNone ? evalai_answer(reply, Compatibility::kOfficial)
                                                  : std::string(python::strip(reply))}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                           Compatibility mode) const override {
    switch (scoring_) {
      case Scoring::kAnnotators:
        return annotator_agreement(records, truth.annotations, mode);
      case Scoring::kGqa:
        return gqa_accuracy(records, mode);
      case Scoring::kPope:
        return pope_metrics(records);
      case Scoring::kNone:
        break;
    }
    throw InputError(
        fmt::format("the answers of {} are not public: its replies are submitted", name_));
  }

  bool submit_only() const override { return scoring_ == Scoring::kNone; }

  Submission submission(const std::vector<Json>& records,
                        const BenchmarkTruth& truth) const override {
    if (!submit_only()) return BenchmarkTask::submission(records, truth);
    return {records, std::nullopt};
  }

 private:
  static const Json& question_id(const Json& row) {
    return field(row, row.contains("images") ? "data_id" : "question_id");
  }

  static Json annotation(const Json& row) { return row.value("answer", Json(nullptr)); }

  /// Where the official evaluation keeps the picture that a row names. The first test that the name
  /// passes decides.
  Json image_path(const Json& image) const {
    if (image.is_array() && name_ != "vizwiz_test") return image;
    if (!image.is_string()) throw InputError("the image of the row is no text");
    const auto name = image.get<std::string>();
    const std::string file = name.substr(name.rfind('/') + 1);
    if (python::contains(name, "test2015")) return "images/mscoco/images/test2015/" + file;
    if (python::contains(name, "val2014")) return "images/mscoco/images/val2014/" + file;
    if (python::contains(name, "ocrvqa")) return python::join_path("images/ocrvqa/", name);
    if (python::contains(name, "gqa")) return "images/gqa/images/" + file;
    if (name_ == "vizwiz_test") return "images/vizwiz/test/" + file;
    if (python::contains(name, "textvqa")) return "images/textvqa/text_vqa/" + file;
    return name;
  }

  std::string question(const Json& row) const {
    if (row.contains("ocr")) {
      throw InputError("the row has \"ocr\", which no prompt of the official evaluation takes");
    }
    const bool vizwiz = name_ == "vizwiz_test";
    std::string text = std::string(kImage) + python::text_of(field(row, "question"));
    if (vizwiz) text += kOrUnanswerable;
    text += kShortly;
    if (!settings().use_llava_style) return text;
    // As the official code does it: wherever these stand, in the question too.
    text = on_its_own_line(text, kShortly);
    text = python::replace_all(text, kImage, std::string(kImage) + "\n");
    return vizwiz ? on_its_own_line(text, kOrUnanswerable) : text;
  }

  static std::string on_its_own_line(const std::string& text, std::string_view sentence) {
    return python::replace_all(text, sentence, "\n" + std::string(sentence.substr(1)));
  }

  std::string name_;
  Scoring scoring_;
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_vqa_task(const std::string& set, const TaskSettings& settings) {
  for (const DataSet& known : kDataSets) {
    if (set == known.name) return std::make_unique<VqaTask>(known, settings);
  }
  return nullptr;
}

}  // namespace owl3
