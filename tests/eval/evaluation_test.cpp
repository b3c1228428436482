// Counting, with examinees whose replies are known.
#include "eval/evaluation.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace owl3 {
namespace {

/// Four rotations of one question.
Exam exam_of(Pointing by, int64_t distractors) {
  Exam exam;
  exam.by = by;
  exam.distractors = distractors;
  for (size_t shift = 0; shift < 4; ++shift) {
    Ask ask;
    ask.options = {"red", "green", "blue", "pink"};
    std::rotate(ask.options.begin(), ask.options.begin() + static_cast<std::ptrdiff_t>(shift),
                ask.options.end());
    ask.right = (1 + 4 - shift) % 4;
    exam.asks.push_back(ask);
  }
  return exam;
}

class Scripted : public Examinee {
 public:
  explicit Scripted(std::function<std::string(const Exam&, const Ask&)> says)
      : says_(std::move(says)) {}
  Reply reply(const Exam& exam, const Ask& ask) override {
    if (interrupt_after-- == 0) throw Interrupted("interrupted");
    Reply reply;
    reply.text = says_(exam, ask);
    reply.first_token_seconds = 0.5;
    reply.decode_seconds = 2;
    reply.decoded_tokens = 8;
    reply.visual_bytes = 100 * static_cast<size_t>(exam.distractors + 1);
    return reply;
  }
  int interrupt_after = -1;

 private:
  std::function<std::string(const Exam&, const Ask&)> says_;
};

std::vector<Exam> exams() {
  return {exam_of(Pointing::kContent, 0), exam_of(Pointing::kContent, 0),
          exam_of(Pointing::kNumber, 0), exam_of(Pointing::kContent, 5)};
}

TEST(Evaluation, CountsTheRightAskingsThatAreLedByTheImageAskedAbout) {
  class Looking : public Examinee {
   public:
    Reply reply(const Exam& exam, const Ask& ask) override {
      Reply reply;
      reply.text = ask.right == 0u ? "It is red." : "It is green.";  // wrong in one rotation
      if (exam.distractors > 0) reply.leading_image = ask.right == 1u ? 2 : 5;
      return reply;
    }
  } looking;
  std::vector<Exam> asked = exams();
  asked[3].about = 2;
  const Evaluation evaluation = evaluate(asked, looking);
  EXPECT_FALSE(evaluation.cells[0].led()) << "nobody knows of a single image";
  const Cell& among_others = evaluation.cells[1];
  ASSERT_EQ(among_others.distractors, 5);
  EXPECT_EQ(among_others.right_asks, 3);
  EXPECT_EQ(among_others.right_with_evidence, 3);
  EXPECT_EQ(among_others.right_and_led, 1);
  EXPECT_NEAR(among_others.led().value(), 1.0 / 3, 1e-9);
}

TEST(Evaluation, GivesAllToWhoKnows) {
  Scripted knows([](const Exam&, const Ask&) { return "It is green."; });
  const Evaluation evaluation = evaluate(exams(), knows);
  EXPECT_FALSE(evaluation.interrupted);
  ASSERT_EQ(evaluation.cells.size(), 3u);
  const Cell& first = evaluation.cells[0];
  EXPECT_EQ(first.by, Pointing::kContent);
  EXPECT_EQ(first.distractors, 0);
  EXPECT_EQ(first.questions, 2);
  EXPECT_EQ(first.right, 2);
  EXPECT_EQ(first.asks, 8);
  EXPECT_EQ(first.right_asks, 8);
  EXPECT_EQ(first.accuracy(), 1);
  EXPECT_EQ(first.median_first_token_seconds(), 0.5);
  EXPECT_EQ(first.tokens_per_second(), 4);
  EXPECT_EQ(first.visual_bytes, 100u);
  EXPECT_GT(first.peak_bytes, 1000u);
  EXPECT_EQ(evaluation.cells[1].distractors, 5);
  EXPECT_EQ(evaluation.cells[1].visual_bytes, 600u);
  EXPECT_EQ(evaluation.cells[2].by, Pointing::kNumber);
}

TEST(Evaluation, GivesNothingToWhoAlwaysErrs) {
  Scripted errs([](const Exam&, const Ask&) { return "It is pink."; });
  for (const Cell& cell : evaluate(exams(), errs).cells) {
    EXPECT_EQ(cell.right, 0);
    EXPECT_EQ(cell.right_asks, 0);
  }
}

TEST(Evaluation, GivesAGuesserOfPlacesAQuarterAndNoQuestion) {
  Scripted guesses([](const Exam&, const Ask& ask) { return ask.options[0]; });
  for (const Cell& cell : evaluate(exams(), guesses).cells) {
    EXPECT_EQ(cell.right, 0) << "right under one rotation, wrong under three";
    EXPECT_EQ(cell.accuracy_of_asks(), 0.25);
  }
}

TEST(Evaluation, ChoosesTheLikeliestOptionWhereTheyAreScored) {
  Reply reply;
  reply.text = "pink";
  reply.option_scores = {-4, -1, -2, -9};
  const Exam exam = exam_of(Pointing::kContent, 0);
  EXPECT_TRUE(is_right(reply, exam.asks[0]));
  EXPECT_FALSE(is_right(reply, exam.asks[1]));
}

TEST(Evaluation, InterruptedKeepsTheQuestionsThatAreWhole) {
  Scripted knows([](const Exam&, const Ask&) { return "green"; });
  knows.interrupt_after = 10;  // in the third question
  std::vector<int64_t> steps;
  const Evaluation evaluation =
      evaluate(exams(), knows, [&](const Exam&, int64_t done, int64_t total) {
        EXPECT_EQ(total, 16);
        steps.push_back(done);
      });
  EXPECT_TRUE(evaluation.interrupted);
  ASSERT_EQ(evaluation.cells.size(), 1u);
  EXPECT_EQ(evaluation.cells[0].questions, 2);
  EXPECT_EQ(steps.back(), 10);
}

}  // namespace
}  // namespace owl3
