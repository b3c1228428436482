// Readers of the files of benchmarks about films.
#include <string_view>
#include <utility>

#include "benchmarks/data_readers.h"
#include "benchmarks/json_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace owl3::readers {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string text_of(const fs::path& path) {
  const auto file = MappedFile::open(path);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

/// Whether the official data set has numbers in this column of NExT-QA.
bool has_numbers(std::string_view column) {
  for (const char* name : {"video", "frame_count", "width", "height", "answer", "qid"}) {
    if (column == name) return true;
  }
  return false;
}

Json next_qa_row(const Table& table, size_t row) {
  Json result = Json::object();
  for (const std::string& column : table.columns()) {
    // Texts stay as they are written: "null" and "NA" are answers here.
    const Json& cell = table.cell(row, column);
    result[column] =
        has_numbers(column) && cell.is_number_integer() ? cell : Json(table.text(row, column));
  }
  return result;
}

void append(BenchmarkData& data, BenchmarkRow row) {
  row.place.index = std::ssize(data.rows);
  data.rows.push_back(std::move(row));
}

}  // namespace

BenchmarkData next_qa(const Paths& files) {
  const Table table = Table::parse_csv(text_of(files[0]), files[0].string());
  for (const char* column : {"video", "question", "answer", "qid", "type", "a0"}) {
    if (table.has_column(column)) continue;
    throw InputError(fmt::format("{}: has no column \"{}\"", files[0].string(), column));
  }
  Json paths = Json::object();
  if (files.size() > 1) {
    paths = parse_json_text(text_of(files[1]), files[1].string());
    if (!paths.is_object()) {
      throw InputError(fmt::format("{}: is no object of paths by film", files[1].string()));
    }
  }
  BenchmarkData data;
  for (size_t i = 0; i < table.rows(); ++i) {
    BenchmarkRow row;
    row.where = fmt::format("{}: row {}", files[0].string(), i + 1);
    row.row = next_qa_row(table, i);
    const auto path = paths.find(table.text(i, "video"));
    if (path != paths.end() && path->is_string()) {
      row.film = "NExTVideo/" + path->get<std::string>() + ".mp4";
    }
    append(data, std::move(row));
  }
  return data;
}

BenchmarkData rows_by_part(const Paths& files) {
  BenchmarkData data;
  for (const fs::path& file : files) {
    BenchmarkData part = official_rows({file});
    for (BenchmarkRow& row : part.rows) {
      row.place.part = file.stem().string();
      append(data, std::move(row));
    }
  }
  return data;
}

BenchmarkData lvbench(const Paths& files) {
  BenchmarkData data;
  for (BenchmarkRow& film : official_rows(files).rows) {
    const Json questions = film.row.is_object() ? film.row.value("qa", Json()) : Json();
    if (film.error.empty() && !questions.is_array()) {
      film.error = fmt::format("{}: the row has no list \"qa\"", film.where);
    }
    if (!film.error.empty()) {
      append(data, std::move(film));
      continue;
    }
    for (const Json& question : questions) {
      BenchmarkRow row;
      row.where = fmt::format("{}: question {}", film.where,
                              question.is_object() ? python::text_of(question.value("uid", Json()))
                                                   : "that is no object");
      row.row = {{"key", film.row.value("key", Json())}, {"type", film.row.value("type", Json())}};
      if (question.is_object()) row.row.update(question);
      append(data, std::move(row));
    }
  }
  return data;
}

}  // namespace owl3::readers
