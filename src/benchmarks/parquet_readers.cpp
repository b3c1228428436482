#include "benchmarks/parquet_readers.h"

#include <functional>
#include <map>
#include <utility>

#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/row_forms.h"
#include "core/checksum.h"
#include "core/error.h"

namespace owl3::readers {

namespace {

using Json = nlohmann::ordered_json;
using Columns = std::vector<std::string>;
using File = std::shared_ptr<const parquet::ParquetFile>;
/// Brings a row to the official form.
using Convert = std::function<Json(Json row)>;

File open(const std::filesystem::path& path) {
  File file = parquet::ParquetFile::open(path);
  // A question takes a byte at least; who says otherwise would have memory filled with rows of
  // none.
  if (file->rows() > static_cast<int64_t>(file->bytes())) {
    throw InputError(fmt::format("{}: is damaged: {} rows in {} bytes", path.string(), file->rows(),
                                 file->bytes()));
  }
  return file;
}

/// Calls visit(row, where, number) with the columns of each row. What is wrong with a column's
/// bytes is wrong with the file.
template <typename Visit>
void visit_rows(const File& file, const Columns& columns, const Visit& visit) {
  std::vector<parquet::FieldReader> readers;
  for (const std::string& column : columns) readers.push_back(file->reader(column));
  for (int64_t i = 0; i < file->rows(); ++i) {
    Json row = Json::object();
    for (size_t k = 0; k < columns.size(); ++k) row[columns[k]] = readers[k].at(i);
    visit(std::move(row), fmt::format("{}: row {}", file->name(), i + 1), i);
  }
}

/// The rows of all files; of the pictures, in the order of the prompt's, names stand in them.
BenchmarkData rows_of(const Paths& paths, const Columns& columns, const Columns& pictures,
                      const Convert& convert) {
  BenchmarkData data;
  data.pictures = std::make_shared<ColumnPictures>();
  for (const auto& path : paths) {
    const File file = open(path);
    std::vector<size_t> numbers;
    for (const std::string& picture : pictures)
      numbers.push_back(data.pictures->add(file, picture));
    visit_rows(file, columns, [&](Json row, std::string where, int64_t number) {
      std::vector<ColumnPictures::Place> places;
      for (size_t k = 0; k < pictures.size(); ++k) {
        places.push_back({numbers[k], number});
        row[pictures[k]] = data.pictures->name(places.back());
      }
      add_row(data, std::move(where), [&] { return convert(std::move(row)); });
      data.rows.back().pictures = std::move(places);
    });
  }
  return data;
}

Json as_it_is(Json row) {
  return row;
}

/// Nothing is a cell without a value; the copy writes that as "nan", which a table takes for the
/// same.
std::string cell_text(const Json& cell) {
  return cell.is_null() ? "" : python::text_of(cell);
}

/// What tells a picture from others; nothing where there is none, as the row will say when it is
/// asked.
std::string digits_of_picture(ColumnPictures& pictures, ColumnPictures::Place place) {
  try {
    return fmt::format("{:02x}", fmt::join(checksum_of(pictures.read(place).bytes), ""));
  } catch (const InputError&) {
    return "";
  }
}

/// Where the pictures are, by their ids.
std::map<std::string, ColumnPictures::Place> places_by_id(const File& file,
                                                          ColumnPictures& pictures) {
  std::map<std::string, ColumnPictures::Place> places;
  const size_t column = pictures.add(file, "image");
  visit_rows(file, {"id"}, [&](const Json& row, const std::string&, int64_t number) {
    places.emplace(text_field(row, "id"), ColumnPictures::Place{column, number});
  });
  return places;
}

void add_gqa_rows(BenchmarkData& data, const File& file,
                  const std::map<std::string, ColumnPictures::Place>& places) {
  visit_rows(file, {"id", "imageId", "question", "answer"},
             [&](const Json& row, std::string where, int64_t) {
               std::vector<ColumnPictures::Place> pictures;
               add_row(data, std::move(where), [&] {
                 const auto place = places.find(text_field(row, "imageId"));
                 if (place == places.end()) {
                   throw InputError(fmt::format("there is no picture {} in the files of pictures",
                                                text_field(row, "imageId")));
                 }
                 pictures = {place->second};
                 return Json{{"image", "gqa/images/" + place->first + ".jpg"},
                             {"question", field(row, "question")},
                             {"question_id", field(row, "id")},
                             {"answer", field(row, "answer")}};
               });
               data.rows.back().pictures = std::move(pictures);
             });
}

/// MMBench's columns as its table calls them, and as Hugging Face's copy does.
constexpr std::pair<const char*, const char*> kMmbenchColumns[] = {{"index", "index"},
                                                                   {"question", "question"},
                                                                   {"hint", "hint"},
                                                                   {"A", "A"},
                                                                   {"B", "B"},
                                                                   {"C", "C"},
                                                                   {"D", "D"},
                                                                   {"answer", "answer"},
                                                                   {"category", "category"},
                                                                   {"l2-category", "L2-category"}};

}  // namespace

BenchmarkData ai2d_parquet(const Paths& files) {
  return rows_of(files, {"question", "options", "answer"}, {"image"}, as_it_is);
}

BenchmarkData nlvr2_parquet(const Paths& files) {
  return rows_of(files, {"question", "answer"}, {"left_image", "right_image"}, as_it_is);
}

BenchmarkData q_bench2_parquet(const Paths& files) {
  return rows_of(files,
                 {"question", "option0", "option1", "option2", "option3", "correct_choice",
                  "question_concern", "question_type"},
                 {"image1", "image2"}, as_it_is);
}

BenchmarkData vqa_parquet(const Paths& files) {
  return rows_of(files, {"question_id", "question"}, {"image"}, [](Json row) {
    python::integer_of(field(row, "question_id"), "the question_id");
    return row;
  });
}

BenchmarkData vqa_with_answers_parquet(const Paths& files) {
  std::vector<Json> annotations;
  BenchmarkData data =
      rows_of(files, {"question_id", "question", "answers"}, {"image"}, [&](Json row) {
        row["question_id"] = python::integer_of(field(row, "question_id"), "the question_id");
        annotations.push_back(annotation_of(row));
        row.erase("answers");
        return row;
      });
  data.truth.annotations = std::move(annotations);
  return data;
}

BenchmarkData vizwiz_parquet(const Paths& files) {
  return rows_of(files, {"question_id", "question"}, {"image"}, [](Json row) {
    text_field(row, "question_id");
    return row;
  });
}

BenchmarkData gqa_parquet(const Paths& files) {
  BenchmarkData data;
  data.pictures = std::make_shared<ColumnPictures>();
  std::map<std::string, ColumnPictures::Place> places;
  std::vector<File> questions;
  for (const auto& path : files) {
    const File file = open(path);
    if (file->has_column("imageId")) {
      questions.push_back(file);
    } else {
      places.merge(places_by_id(file, *data.pictures));
    }
  }
  for (const File& file : questions) add_gqa_rows(data, file, places);
  return data;
}

BenchmarkData pope_parquet(const Paths& files) {
  return rows_of(files, {"question_id", "question", "answer"}, {"image"}, as_it_is);
}

BenchmarkData videomme_parquet(const Paths& files) {
  return rows_of(files,
                 {"videoID", "duration", "domain", "sub_category", "question_id", "task_type",
                  "question", "options", "answer"},
                 {}, as_it_is);
}

BenchmarkData next_qa_parquet(const Paths& files) {
  return rows_of(files,
                 {"video", "question", "answer", "qid", "type", "a0", "a1", "a2", "a3", "a4"}, {},
                 as_it_is);
}

/// The metrics take rows together that have the same picture: by its checksum here.
BenchmarkData mmbench_parquet(const Paths& paths) {
  BenchmarkData data;
  data.pictures = std::make_shared<ColumnPictures>();
  Columns names = {"image"};
  std::vector<std::vector<std::string>> cells;
  std::vector<std::string> wheres;
  std::vector<ColumnPictures::Place> places;
  for (const auto& path : paths) {
    const File file = open(path);
    Columns columns;
    for (const auto& [name, published] : kMmbenchColumns) {
      if (file->has_column(published)) columns.emplace_back(published);
    }
    const size_t picture = data.pictures->add(file, "image");
    visit_rows(file, columns, [&](const Json& row, const std::string& where, int64_t number) {
      std::vector<std::string> texts;
      const ColumnPictures::Place place = {picture, number};
      texts.push_back(digits_of_picture(*data.pictures, place));
      for (const auto& [name, published] : kMmbenchColumns) {
        texts.push_back(cell_text(row.value(published, Json())));
      }
      cells.push_back(std::move(texts));
      wheres.push_back(where);
      places.push_back(place);
    });
  }
  for (const auto& [name, published] : kMmbenchColumns) names.emplace_back(name);
  data.truth.table = std::make_shared<Table>(names, cells);
  for (size_t i = 0; i < places.size(); ++i) {
    add_row(data, wheres[i], [&] { return mmbench_row(*data.truth.table, i); });
    data.rows.back().pictures = {places[i]};
  }
  return data;
}

}  // namespace owl3::readers
