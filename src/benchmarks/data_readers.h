// Readers of benchmarks' files, by their form. All throw InputError that names the file.
#pragma once

#include <filesystem>
#include <vector>

#include "benchmarks/data_set.h"

namespace owl3::readers {

using Paths = std::vector<std::filesystem::path>;

/// Rows as the official evaluation has them: JSONL or a JSON list.
BenchmarkData official_rows(const Paths& files);
/// The same, with the annotations of VQA beside.
BenchmarkData official_rows_and_annotations(const Paths& files);
/// VQA's questions: {"questions": [{image_id, question, question_id}]}.
BenchmarkData vqa_test_questions(const Paths& files);
BenchmarkData vqa_val_questions_and_annotations(const Paths& files);
/// {"data": [{question_id, image_id, question, answers}]}
BenchmarkData textvqa(const Paths& files);
/// [{image, question}]
BenchmarkData vizwiz(const Paths& files);
/// {ID: {imageId, question, answer}}
BenchmarkData gqa(const Paths& files);
/// JSONL of {question_id, image, text, label}
BenchmarkData pope(const Paths& files);
/// A table with the pictures in a column.
BenchmarkData mmbench_table(const Paths& files);
/// Rows as the official evaluation has them, and the table beside.
BenchmarkData mmbench_rows_and_table(const Paths& files);
/// {"v1_0": {imagename, question}}
BenchmarkData mmvet(const Paths& files);
/// A file for each part; each row once for every rotation of its options.
BenchmarkData mi_bench(const Paths& files);

// Of sets about films (film_readers.cpp):

/// A table of {video, question, answer, qid, type, a0, ...}, and perhaps a file {video: path}.
BenchmarkData next_qa(const Paths& files);
/// A file of rows for each part.
BenchmarkData rows_by_part(const Paths& files);
/// JSONL of films: {key, type, qa: [{uid, question, answer, question_type}]}; a row a question.
BenchmarkData lvbench(const Paths& files);

}  // namespace owl3::readers
