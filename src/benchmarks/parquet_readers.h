// Readers of benchmarks that are published as Parquet, by the columns of their authors. All throw
// InputError that names the file.
#pragma once

#include "benchmarks/data_readers.h"

namespace owl3::readers {

/// question, options, answer, image
BenchmarkData ai2d_parquet(const Paths& files);
/// left_image, right_image, question, answer
BenchmarkData nlvr2_parquet(const Paths& files);
/// image1, image2, question, option0 to option3, correct_choice, question_concern, question_type
BenchmarkData q_bench2_parquet(const Paths& files);
/// question_id, question, image
BenchmarkData vqa_parquet(const Paths& files);
/// The same, with the annotators' answers.
BenchmarkData vqa_with_answers_parquet(const Paths& files);
/// The same as vqa_parquet, with names for numbers.
BenchmarkData vizwiz_parquet(const Paths& files);
/// Files of id, imageId, question, answer, and files of id, image.
BenchmarkData gqa_parquet(const Paths& files);
/// question_id, question, answer, image
BenchmarkData pope_parquet(const Paths& files);
/// Films, which are beside: videoID, question, options, answer, duration, ...
BenchmarkData videomme_parquet(const Paths& files);
/// Films, which are beside: video, question, answer, qid, type, a0 to a4.
BenchmarkData next_qa_parquet(const Paths& files);
/// The columns of MMBench's table, with pictures.
BenchmarkData mmbench_parquet(const Paths& files);

}  // namespace owl3::readers
