#include "benchmarks/row_forms.h"

#include <charconv>

#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"

namespace owl3::readers {

namespace {

using Json = nlohmann::ordered_json;

/// A row's number. One row that has none makes texts of the whole column: the others have theirs
/// still.
Json index_of(const Table& table, size_t row) {
  const Json& cell = table.cell(row, "index");
  if (cell.is_null()) throw InputError("the row has no index");
  if (!cell.is_string()) return cell;
  const auto text = cell.get<std::string>();
  int64_t index = 0;
  std::from_chars(text.data(), text.data() + text.size(), index);
  if (std::to_string(index) != text) {
    throw InputError(fmt::format("the index \"{}\" is no whole number", text));
  }
  return index;
}

}  // namespace

Json annotation_of(const Json& question) {
  Json answers = Json::array();
  for (const std::string& answer : texts_field(question, "answers")) {
    answers.push_back({{"answer", answer}, {"answer_id", answers.size() + 1}});
  }
  return {{"question_id", field(question, "question_id")},
          {"question_type", "all"},
          {"answer_type", "all"},
          {"answers", std::move(answers)}};
}

Json mmbench_row(const Table& table, size_t row) {
  const Json index = index_of(table, row);
  Json choices = Json::array();
  for (const char* column : {"A", "B", "C", "D"}) {
    if (!table.cell_or_null(row, column).is_null()) choices.push_back(table.text(row, column));
  }
  Json hint = nullptr;
  if (!table.cell_or_null(row, "hint").is_null()) hint = table.text(row, "hint");
  Json result = {{"index", index},
                 {"image", python::text_of(index) + ".jpg"},
                 {"hint", std::move(hint)},
                 {"question", table.text(row, "question")},
                 {"choices", std::move(choices)}};
  const Json answer = table.cell_or_null(row, "answer");
  if (answer.is_string()) {
    const auto letter = answer.get<std::string>();
    if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D') {
      throw InputError(fmt::format("the answer \"{}\" is none of A to D", letter));
    }
    result["answer"] = letter[0] - 'A';
  }
  return result;
}

}  // namespace owl3::readers
