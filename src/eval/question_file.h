// The questions of an evaluation: a JSONL file of rows as they are trained on, with the answer and
// the options beside the messages.
#pragma once

#include <filesystem>
#include <vector>

#include "eval/exam.h"

namespace owl3 {

/// A question about a single image, to be put among others.
struct ImageQuestion {
  Pointing by = Pointing::kContent;  // kNumber: the text has {number} where the number stands
  std::string text;                  // without mark and options
  std::string image;
  std::vector<std::string> options;
  size_t right = 0;
};

struct QuestionFile {
  std::vector<Exam> exams;               // complete, with all their images
  std::vector<ImageQuestion> questions;  // to be completed by plan_exams()
};

/// Beside what every row has (data/sample_rows.h: messages, images), a row has `answer` (or
/// `answers`, a list of one) and, where there is a choice, `options`, a list of texts. The answer
/// is an option, the words of one that matter ("owl" of "an owl"), or its letter.
///
/// A row that says `distractors`, as `owl3 make-data --kind distractors` writes them, is asked as
/// it stands: the images and the options are in its text. `by` ("content" or "number") tells how it
/// points, `about` which of the images is asked about, counted from 1, and rows of the same `group`
/// are one question, its options rotated.
///
/// A row without is a question about its one image. Throws InputError that names file and line.
QuestionFile read_question_file(const std::filesystem::path& path);

}  // namespace owl3
