#include "benchmarks/data_readers.h"

#include <string_view>
#include <utility>

#include "benchmarks/json_text.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/row_forms.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "training_data/row_file.h"

namespace owl3::readers {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string text_of(const fs::path& path) {
  const auto file = MappedFile::open(path);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

Json json_of(const fs::path& path) {
  return parse_json_text(text_of(path), path.string());
}

/// The rows of a file, each as `convert` makes it.
template <typename Convert>
BenchmarkData rows_of(const fs::path& path, const Convert& convert) {
  const RowFile file = RowFile::open(path);
  BenchmarkData data;
  for (int64_t i = 0; i < file.size(); ++i) {
    const std::string where = file.where(i);
    add_row(data, where, [&] { return convert(parse_json_text(file.row(i), where)); });
  }
  return data;
}

/// The list that stands under `key` in a file of one object.
Json list_in(const fs::path& path, const char* key) {
  Json whole = json_of(path);
  if (!whole.is_object() || !whole.contains(key) || !whole[key].is_array()) {
    throw InputError(fmt::format("{}: has no list \"{}\"", path.string(), key));
  }
  return std::move(whole[key]);
}

std::vector<Json> annotations_of(const fs::path& path) {
  Json list = list_in(path, "annotations");
  return {std::make_move_iterator(list.begin()), std::make_move_iterator(list.end())};
}

/// Questions about pictures of COCO, which are named by their numbers.
BenchmarkData coco_questions(const fs::path& path, std::string_view part) {
  BenchmarkData data;
  for (const Json& question : list_in(path, "questions")) {
    add_row(data, fmt::format("{}: question {}", path.string(), data.rows.size() + 1), [&] {
      const int64_t image = integer_field(question, "image_id");
      return Json{{"image", fmt::format("COCO_{}_{:012}.jpg", part, image)},
                  {"question", field(question, "question")},
                  {"question_id", field(question, "question_id")}};
    });
  }
  return data;
}

std::shared_ptr<const Table> table_of(const fs::path& path) {
  return std::make_shared<Table>(Table::parse_tsv(text_of(path), path.string()));
}

}  // namespace

BenchmarkData official_rows(const Paths& files) {
  return rows_of(files[0], [](Json row) { return row; });
}

BenchmarkData official_rows_and_annotations(const Paths& files) {
  BenchmarkData data = official_rows(files);
  data.truth.annotations = annotations_of(files[1]);
  return data;
}

BenchmarkData vqa_test_questions(const Paths& files) {
  return coco_questions(files[0], "test2015");
}

BenchmarkData vqa_val_questions_and_annotations(const Paths& files) {
  BenchmarkData data = coco_questions(files[0], "val2014");
  data.truth.annotations = annotations_of(files[1]);
  return data;
}

BenchmarkData textvqa(const Paths& files) {
  BenchmarkData data;
  for (const Json& question : list_in(files[0], "data")) {
    add_row(data, fmt::format("{}: question {}", files[0].string(), data.rows.size() + 1), [&] {
      data.truth.annotations.push_back(annotation_of(question));
      return Json{{"image", "textvqa/train_images/" + text_field(question, "image_id") + ".jpg"},
                  {"question", field(question, "question")},
                  {"question_id", field(question, "question_id")}};
    });
  }
  return data;
}

BenchmarkData vizwiz(const Paths& files) {
  return rows_of(files[0], [](Json row) {
    if (!row.contains("question_id")) row["question_id"] = field(row, "image");
    return row;
  });
}

BenchmarkData gqa(const Paths& files) {
  BenchmarkData data;
  const Json questions = json_of(files[0]);
  if (!questions.is_object()) {
    throw InputError(fmt::format("{}: is no object of questions by number", files[0].string()));
  }
  for (const auto& [id, question] : questions.items()) {
    const Json& asked = question;
    add_row(data, fmt::format("{}: question {}", files[0].string(), id), [&, key = id] {
      return Json{{"image", "gqa/images/" + text_field(asked, "imageId") + ".jpg"},
                  {"question", field(asked, "question")},
                  {"question_id", key},
                  {"answer", field(asked, "answer")}};
    });
  }
  return data;
}

BenchmarkData pope(const Paths& files) {
  return rows_of(files[0], [](Json row) {
    if (!row.is_object() || row.contains("question")) return row;
    return Json{{"image", field(row, "image")},
                {"question", field(row, "text")},
                {"question_id", field(row, "question_id")},
                {"answer", field(row, "label")}};
  });
}

BenchmarkData mmbench_table(const Paths& files) {
  BenchmarkData data;
  data.truth.table = table_of(files[0]);
  const Table& table = *data.truth.table;
  for (const char* column : {"index", "image", "question"}) {
    if (table.has_column(column)) continue;
    throw InputError(fmt::format("{}: has no column \"{}\"", files[0].string(), column));
  }
  for (size_t i = 0; i < table.rows(); ++i) {
    add_row(data, fmt::format("{}: row {}", files[0].string(), i + 1),
            [&] { return mmbench_row(table, i); });
    data.rows.back().table_row = i;
  }
  return data;
}

BenchmarkData mmbench_rows_and_table(const Paths& files) {
  BenchmarkData data = official_rows(files);
  data.truth.table = table_of(files[1]);
  return data;
}

BenchmarkData mmvet(const Paths& files) {
  BenchmarkData data;
  const Json questions = json_of(files[0]);
  if (!questions.is_object()) {
    throw InputError(fmt::format("{}: is no object of questions by name", files[0].string()));
  }
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string key = fmt::format("v1_{}", i);
    add_row(data, fmt::format("{}: {}", files[0].string(), key), [&] {
      return Json{{key, field(questions, key)}};
    });
  }
  return data;
}

BenchmarkData mi_bench(const Paths& files) {
  BenchmarkData data;
  for (const fs::path& file : files) {
    BenchmarkData part = official_rows({file});
    for (BenchmarkRow& row : part.rows) {
      const Json options = row.row.is_object() ? row.row.value("options", Json()) : Json();
      const size_t rotations = options.is_array() && !options.empty() ? options.size() : 1;
      row.place.part = file.stem().string();
      for (size_t rotation = 0; rotation < rotations; ++rotation) {
        row.place.rotation = static_cast<int64_t>(rotation);
        row.place.index = std::ssize(data.rows);
        data.rows.push_back(row);
      }
    }
  }
  return data;
}

}  // namespace owl3::readers
