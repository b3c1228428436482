#include "eval/evaluation.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/machine.h"
#include "eval/scoring.h"

namespace owl3 {

namespace {

double share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

/// All askings of an exam: right if all are.
Cell take(const Exam& exam, Examinee& examinee, const ReplyCallback& on_reply,
          const std::function<void()>& asked) {
  Cell cell;
  cell.by = exam.by;
  cell.distractors = exam.distractors;
  for (const Ask& ask : exam.asks) {
    const Reply reply = examinee.reply(exam, ask);
    const bool right = is_right(reply, ask);
    if (on_reply) on_reply(exam, ask, reply, right);
    ++cell.asks;
    cell.right_asks += right ? 1 : 0;
    if (right && reply.leading_image && exam.about) {
      ++cell.right_with_evidence;
      cell.right_and_led += reply.leading_image == exam.about ? 1 : 0;
    }
    cell.first_token_seconds.push_back(reply.first_token_seconds);
    cell.decode_seconds += reply.decode_seconds;
    cell.decoded_tokens += reply.decoded_tokens;
    cell.visual_bytes = reply.visual_bytes;
    asked();
  }
  cell.questions = 1;
  cell.right = cell.right_asks == cell.asks ? 1 : 0;
  cell.peak_bytes = peak_memory_bytes();
  return cell;
}

void add(Cell& sum, const Cell& cell) {
  sum.by = cell.by;
  sum.distractors = cell.distractors;
  sum.questions += cell.questions;
  sum.right += cell.right;
  sum.asks += cell.asks;
  sum.right_asks += cell.right_asks;
  sum.right_with_evidence += cell.right_with_evidence;
  sum.right_and_led += cell.right_and_led;
  sum.first_token_seconds.insert(sum.first_token_seconds.end(), cell.first_token_seconds.begin(),
                                 cell.first_token_seconds.end());
  sum.decode_seconds += cell.decode_seconds;
  sum.decoded_tokens += cell.decoded_tokens;
  sum.visual_bytes = std::max(sum.visual_bytes, cell.visual_bytes);
  sum.peak_bytes = std::max(sum.peak_bytes, cell.peak_bytes);
}

}  // namespace

bool is_right(const Reply& reply, const Ask& ask) {
  if (reply.option_scores.empty()) return is_right(reply.text, ask);
  const auto best = std::max_element(reply.option_scores.begin(), reply.option_scores.end());
  return static_cast<size_t>(best - reply.option_scores.begin()) == ask.right;
}

double Cell::accuracy() const {
  return share(right, questions);
}

double Cell::accuracy_of_asks() const {
  return share(right_asks, asks);
}

std::optional<double> Cell::led() const {
  if (right_with_evidence == 0) return std::nullopt;
  return share(right_and_led, right_with_evidence);
}

double Cell::median_first_token_seconds() const {
  if (first_token_seconds.empty()) return 0;
  std::vector<double> sorted = first_token_seconds;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

double Cell::tokens_per_second() const {
  return decode_seconds > 0 ? static_cast<double>(decoded_tokens) / decode_seconds : 0;
}

Evaluation evaluate(std::span<const Exam> exams, Examinee& examinee,
                    const EvaluationProgress& progress, const ReplyCallback& on_reply) {
  for (const Exam& exam : exams) examinee.check(exam);
  int64_t total = 0;
  for (const Exam& exam : exams) total += static_cast<int64_t>(exam.asks.size());
  int64_t done = 0;
  std::map<std::pair<Pointing, int64_t>, Cell> cells;
  Evaluation evaluation;
  try {
    for (const Exam& exam : exams) {
      if (progress) progress(exam, done, total);
      const Cell cell = take(exam, examinee, on_reply, [&] {
        ++done;
        if (progress) progress(exam, done, total);
      });
      add(cells[{exam.by, exam.distractors}], cell);
    }
  } catch (const Interrupted&) {
    evaluation.interrupted = true;
  }
  for (auto& [key, cell] : cells) evaluation.cells.push_back(std::move(cell));
  return evaluation;
}

}  // namespace owl3
