// MMBench: questions with up to four options, asked once for every rotation of them.
#include <map>
#include <utility>

#include "benchmarks/choice_answers.h"
#include "benchmarks/families.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/spreadsheet.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOptionColumns[] = {"A", "B", "C", "D"};

/// Rows of the table that share a picture and a question: right when all are.
struct Group {
  Json category;  // of the first
  bool right = true;
  std::vector<size_t> records;
};

std::string category_name(const Json& category) {
  return category.is_null() ? "NaN" : python::text_of(category);
}

class MmBenchTask : public BenchmarkTask {
 public:
  MmBenchTask(bool submit_only, const TaskSettings& settings)
      : BenchmarkTask(settings), submit_only_(submit_only) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    prompt.images = {python::join_path("images/", text_field(row, "image"))};
    const Json& hint = field(row, "hint");
    prompt.messages = system_messages(
        fmt::format("{}Context: {}\nQuestion: {}\nOptions: {}\n{}", kImage,
                    python::is_truthy(hint) ? python::text_of(hint) : "N/A",
                    python::text_of(field(row, "question")),
                    lettered_options(field(row, "choices"), kFiveLetters), kAnswerByLetter));
    prompt.reference = reference(row);
    field(row, "index");
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {
        {"index", field(row, "index")}, {"prediction", reply}, {"ground_truth", reference(row)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                           Compatibility mode) const override;

  bool submit_only() const override { return submit_only_; }

  Submission submission(const std::vector<Json>& records,
                        const BenchmarkTruth& truth) const override {
    const Table& table = table_of(truth);
    const RowFinder rows(table, "index");
    Spreadsheet sheet({"index", "question", "prediction", "A", "B", "C", "D"});
    for (const Json& record : records) {
      const size_t row = rows.row(field(record, "index"));
      std::vector<Json> cells = {field(record, "index"), table.cell(row, "question"),
                                 field(record, "prediction")};
      for (const char* column : kOptionColumns) cells.push_back(table.cell_or_null(row, column));
      sheet.add_row(std::move(cells));
    }
    return {sheet.content(), std::nullopt, sheet};
  }

 private:
  static Json reference(const Json& row) {
    return row.contains("answer") ? Json(one_of_five(row["answer"])) : Json("N/A");
  }

  static const Table& table_of(const BenchmarkTruth& truth) {
    if (!truth.table) throw InputError("MMBench's table (.tsv) is needed to score or submit");
    return *truth.table;
  }

  bool submit_only_;
};

/// Whether the reply to a row of the table names its answer.
bool is_right(const Json& record, const Table& table, size_t row, Compatibility mode) {
  std::vector<std::string> options;
  for (const char* column : kOptionColumns) {
    const Json cell = table.cell_or_null(row, column);
    // Missing cells and columns of numbers are no options: the letters count texts only.
    if (cell.is_string()) options.push_back(cell.get<std::string>());
  }
  return mmbench_answer(text_field(record, "prediction"), options, mode) ==
         table.cell_or_null(row, "answer");
}

BenchmarkMetrics MmBenchTask::metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                                      Compatibility mode) const {
  const Table& table = table_of(truth);
  const RowFinder rows(table, "index");
  std::map<std::pair<std::string, std::string>, Group> groups;
  BenchmarkMetrics result;
  result.scores.resize(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    const size_t row = rows.row(field(records[i], "index"));
    const Json &image = table.cell(row, "image"), &question = table.cell(row, "question");
    const bool right = is_right(records[i], table, row, mode);
    // A missing cell belongs to no group.
    if (image.is_null() || question.is_null()) continue;
    const auto [place, is_new] = groups.try_emplace({image.dump(), question.dump()});
    Group& group = place->second;
    if (is_new) group.category = table.cell_or_null(row, "l2-category");
    group.right = group.right && right;
    group.records.push_back(i);
  }
  std::map<std::string, std::pair<double, double>> categories;  // right, all
  double right = 0;
  for (const auto& [key, group] : groups) {
    auto& [category_right, category_all] = categories[category_name(group.category)];
    category_right += group.right ? 1 : 0;
    ++category_all;
    right += group.right ? 1 : 0;
    for (const size_t i : group.records) result.scores[i] = group.right ? 1 : 0;
  }
  Json accuracies = Json::object();
  for (const auto& [name, counts] : categories) {
    accuracies[name] = python::divide(counts.first, counts.second) * 100;
  }
  result.values = {{"Accuracy", python::divide(right, static_cast<double>(groups.size())) * 100},
                   {"L2-Accuracy", std::move(accuracies)}};
  return result;
}

}  // namespace

std::unique_ptr<BenchmarkTask> make_mmbench_task(const std::string& set,
                                                 const TaskSettings& settings) {
  if (set == "mmbench_test_en_20231003" || set == "mmbench_test_cn_20231003") {
    return std::make_unique<MmBenchTask>(true, settings);
  }
  if (set == "mmbench_dev_en_20231003" || set == "mmbench_dev_cn_20231003") {
    return std::make_unique<MmBenchTask>(false, settings);
  }
  return nullptr;
}

}  // namespace owl3
