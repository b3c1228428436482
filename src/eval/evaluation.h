// Exams taken and counted, a cell for each number of distractors and way of pointing.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/exam.h"

namespace owl3 {

struct Reply {
  std::string text;
  /// log p of each option as the whole reply; where these are asked for instead of a text.
  std::vector<double> option_scores;
  double first_token_seconds = 0;  // from the question to the first token, images known
  double decode_seconds = 0;
  int64_t decoded_tokens = 0;
  size_t visual_bytes = 0;                // what is remembered of the exam's images
  std::optional<size_t> leading_image{};  // of the exam's, by the reply's evidence, where known
};

/// Whoever is asked: a model, or in tests somebody who knows.
class Examinee {
 public:
  virtual ~Examinee() = default;
  /// Throws UsageError for an exam that is more than can be read, before a picture of it is.
  virtual void check(const Exam& /*exam*/) const {}
  /// Throws Interrupted when the user has had enough.
  virtual Reply reply(const Exam& exam, const Ask& ask) = 0;
  /// What was not right with the pictures so far, lines for the user.
  virtual std::vector<std::string> warnings() const { return {}; }
};

/// Whether the reply to that asking is right: by the likeliest option where options were scored,
/// else by its text.
bool is_right(const Reply& reply, const Ask& ask);

struct Cell {
  Pointing by = Pointing::kContent;
  int64_t distractors = 0;
  int64_t questions = 0;
  int64_t right = 0;  // under every rotation of the options
  int64_t asks = 0;
  int64_t right_asks = 0;
  int64_t right_with_evidence = 0;  // of those, whose evidence and image asked about are known
  int64_t right_and_led = 0;        // of these, led by the image asked about
  std::vector<double> first_token_seconds;  // of every asking
  double decode_seconds = 0;
  int64_t decoded_tokens = 0;
  size_t visual_bytes = 0;  // the largest of its questions
  size_t peak_bytes = 0;    // of the process, when the cell was done

  /// Of whole questions; of single askings.
  double accuracy() const;
  double accuracy_of_asks() const;
  /// Of right askings, how many are led by the image asked about; nothing where none can tell.
  std::optional<double> led() const;
  double median_first_token_seconds() const;
  double tokens_per_second() const;
};

struct Evaluation {
  std::vector<Cell> cells;  // by pointing, then by number of distractors
  bool interrupted = false;
};

/// Told after every asking how many are done, and before the first; `exam` is the one under way.
using EvaluationProgress = std::function<void(const Exam& exam, int64_t done, int64_t total)>;
using ReplyCallback =
    std::function<void(const Exam& exam, const Ask& ask, const Reply& reply, bool right)>;

/// All exams are checked before the first is taken. Interrupted, it gives what whole questions
/// there are.
Evaluation evaluate(std::span<const Exam> exams, Examinee& examinee,
                    const EvaluationProgress& progress = {}, const ReplyCallback& on_reply = {});

}  // namespace owl3
