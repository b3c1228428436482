// LLaVA-Interleave, in and out of domain: many data sets about several pictures, BLINK, Mantis,
// MathVerse and SciVerse among them.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "benchmarks/families.h"
#include "benchmarks/llava_answers.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRowsImage = "<image>";

/// The categories of the in-domain part, and their data sets.
struct Category {
  const char* name;
  std::vector<std::string_view> sets;
};

const std::vector<Category>& categories() {
  static const std::vector<Category> kCategories = {
      {"spot_the_diff", {"Spot-the-Diff", "Birds-to-Words", "CLEVR-Change"}},
      {"image_edit_instruct", {"IEdit", "HQ-Edit", "MagicBrush"}},
      {"visual_story_telling", {"AESOP", "FlintstonesSV", "PororoSV", "VIST"}},
      {"visual_cloze", {"COMICS_Dialogue", "RecipeQA_VisualCloze"}},
      {"text_rich_vqa", {"WebQA", "TQA", "OCR-VQA", "DocVQA"}},
      {"multi_image_vqa",
       {"MIT-States_StateCoherence", "MIT-States_PropertyCoherence", "VISION",
        "RecipeQA_ImageCoherence"}},
      {"puzzle", {"RAVEN"}},
      {"nlrv2", {"NLVR2_Mantis"}},
      {"qbench", {"QBench"}}};
  return kCategories;
}

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_picture_options(const std::string& set) {
  return is_one_of(set,
                   {"recipeqa-RecipeQA_VisualCloze", "RecipeQA_ImageCoherence", "COMICS_Panel"});
}

/// What stands in place of the k-th <image>, counted from 1.
std::string image_mark(const std::string& set, size_t k) {
  if (set != "BLINK") return fmt::format("Image {}: {} ", k, kImage);
  constexpr const char* kOrdinals[] = {"first", "second", "third", "fourth"};
  if (k > std::size(kOrdinals)) {
    throw InputError("the row names more than four images, which is all that BLINK's prompt can");
  }
  return fmt::format("the {} image: {} ", kOrdinals[k - 1], kImage);
}

std::string with_image_marks(const std::string& question, const std::string& set) {
  const auto parts = python::split(question, kRowsImage);
  std::string result(parts.front());
  for (size_t k = 1; k < parts.size(); ++k) result.append(image_mark(set, k)).append(parts[k]);
  return result;
}

/// The question with the instruction of its data set.
std::string instructed(const std::string& question, const std::string& type,
                       const std::string& set) {
  constexpr std::string_view kRowsOwn =
      "Answer with the option's letter from the given choices directly.";
  if (set == "SciVerse") {
    return python::replace_all(
        question, kRowsOwn,
        fmt::format("\nPlease select the correct paired scientific diagram from four given images. "
                    "{}",
                    kRowsOwn));
  }
  if (type == "multi-choice" && !is_one_of(set, {"Mantis", "MathVerse"})) {
    return fmt::format("{}\n{}", question, kAnswerByLetter);
  }
  return question;
}

/// The replies of one data set.
struct SetReplies {
  std::string name, type;  // of the first row, which decides
  std::vector<size_t> records;
};

std::vector<SetReplies> by_set(const std::vector<Json>& records) {
  std::vector<SetReplies> sets;
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string name = text_field(records[i], "sub_task");
    const auto [place, is_new] = places.try_emplace(name, sets.size());
    if (is_new) {
      sets.push_back({name, python::text_of(field(records[i], "question_type")), {}});
    }
    sets[place->second].records.push_back(i);
  }
  return sets;
}

using Scores = std::vector<std::optional<double>>;

/// Scores the set's records, and returns the name and value of its metric.
std::pair<const char*, double> score_set(const SetReplies& set, const std::vector<Json>& records,
                                         Compatibility mode, Scores& scores) {
  const bool open = set.type == "open-ended";
  if (!open && set.type != "multi-choice" && set.name != "nlrv2") {
    throw InputError(fmt::format("the questions of {} are of the type \"{}\", which has no metric",
                                 set.name, set.type));
  }
  std::vector<double> counted;
  for (const size_t i : set.records) {
    const std::string reply = text_field(records[i], "prediction");
    const std::string reference = text_field(records[i], "ground_truth");
    if (open) {
      scores[i] = compare_open(reply, reference, mode).score;
    } else {
      const int times = has_picture_options(set.name) ? 1 : 2;
      scores[i] = compare_choice(reply, reference, times).correct() ? 1 : 0;
    }
    if (scores[i]) counted.push_back(*scores[i]);
  }
  return {open ? "Rouge-L f" : "Accuracy", python::numpy_mean(counted)};
}

class LlavaTask : public BenchmarkTask {
 public:
  LlavaTask(bool in_domain, const TaskSettings& settings)
      : BenchmarkTask(settings), in_domain_(in_domain) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& /*place*/) const override {
    const Json& conversations = field(row, "conversations");
    const std::string question = text_field(entry_of(conversations, 0, "conversations"), "value");
    const std::string set = set_of(row);
    BenchmarkPrompt prompt;
    for (const std::string& image : texts_field(row, "image")) {
      prompt.images.emplace_back(
          python::join_path("dataset/LLaVA-NeXT-Interleave-Bench/eval_images_fix", image));
    }
    prompt.messages = system_messages(
        instructed(settings().image_index ? with_image_marks(question, set)
                                          : python::replace_all(question, kRowsImage, kImage),
                   python::text_of(type_of(row)), set));
    prompt.reference = reference(row);
    prompt.sample_index = field(row, "sample_id");
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"index", field(row, "sample_id")},
            {"prediction", reply},
            {"ground_truth", reference(row)},
            {"sub_task", set_of(row)},
            {"question_type", type_of(row)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility mode) const override {
    BenchmarkMetrics result;
    result.scores.resize(records.size());
    std::vector<std::pair<std::string, double>> means;
    Json by_name = Json::object();
    for (const SetReplies& set : by_set(records)) {
      const auto [metric, mean] = score_set(set, records, mode, result.scores);
      by_name[set.name] = {{metric, mean}};
      means.emplace_back(set.name, mean);
    }
    result.values = in_domain_ ? category_means(means) : std::move(by_name);
    Json per_row = Json::array();
    for (const auto& score : result.scores) {
      per_row.push_back(score ? Json(*score) : Json(nullptr));
    }
    result.details = {{"per_row", std::move(per_row)}};
    return result;
  }

 private:
  static std::string set_of(const Json& row) {
    return text_field(field(row, "metadata"), "dataset");
  }
  static const Json& type_of(const Json& row) {
    return field(field(row, "metadata"), "question_type");
  }
  static const Json& reference(const Json& row) {
    return field(entry_of(field(row, "conversations"), 1, "conversations"), "value");
  }

  /// The mean of each category's data sets; sets of no category are left out.
  static Json category_means(const std::vector<std::pair<std::string, double>>& means) {
    Json result = Json::object();
    for (const Category& category : categories()) {
      double total = 0, count = 0;
      for (const auto& [set, mean] : means) {
        if (std::find(category.sets.begin(), category.sets.end(), set) == category.sets.end()) {
          continue;
        }
        total += mean;
        ++count;
      }
      if (count > 0) result[category.name] = total / count;
    }
    return result;
  }

  bool in_domain_;
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_llava_task(const std::string& set,
                                               const TaskSettings& settings) {
  if (set != "in_domain" && set != "out_domain") return nullptr;
  return std::make_unique<LlavaTask>(set == "in_domain", settings);
}

}  // namespace owl3
