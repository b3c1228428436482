// A small random model takes exams: it guesses, but each picture is encoded once.
#include "eval/model_examinee.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "eval/exam_plan.h"
#include "eval/option_reply.h"
#include "eval/question_rows.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

const std::string kImages = OWL3_TEST_DATA "/images/";

class ModelExaminees : public testing::Test {
 protected:
  ModelExaminees() {
    write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, {});
    std::string rows;
    for (const char* image : {"08-RGB-200x150.jpg", "20-RGB-190x300.png", "17-P-94x259.gif",
                              "10-L-640x480.jpg", "12-RGB-900x280.jpg"}) {
      rows += single_row(kImages + image, "green");
    }
    PlanOptions options;
    options.counts = {0, 4};
    exams_ = plan_exams(read_question_file(folder_.write("q.jsonl", rows)), options);
  }

  Model model() const {
    ModelOptions options;
    options.precision = Precision::kFloat32;
    options.threads = 2;
    return Model::load(folder_.path(), options);
  }

  ScratchFolder folder_;
  std::vector<Exam> exams_;
};

TEST_F(ModelExaminees, EncodeEveryPictureOnce) {
  ExamineeOptions options;
  options.max_new_tokens = 4;
  ModelExaminee examinee(model(), options, {});
  const Evaluation evaluation = evaluate(exams_, examinee);
  ASSERT_EQ(evaluation.cells.size(), 2u);
  EXPECT_EQ(evaluation.cells[0].asks, 20);
  EXPECT_EQ(examinee.memory().stats().images_encoded, 5);
  EXPECT_EQ(evaluation.cells[1].visual_bytes, 5 * evaluation.cells[0].visual_bytes);
  EXPECT_EQ(evaluation.cells[1].visual_bytes, examinee.memory().bytes());
  EXPECT_GT(evaluation.cells[1].median_first_token_seconds(), 0);
  EXPECT_GT(evaluation.cells[1].tokens_per_second(), 0);
}

TEST_F(ModelExaminees, RefuseMoreThanTheContextHoldsBeforeAnyPictureIsRead) {
  CheckpointShape shape = checkpoint_shape("tiny");
  shape.config.max_position_embeddings = 128;
  const ScratchFolder folder;
  write_random_checkpoint(folder.path(), shape, {}, {});
  ModelExaminee examinee(Model::load(folder.path()), {}, {});
  exams_.back().images.assign(130, "missing.png");
  exams_.back().asks[0].text = "What?";
  EXPECT_THROW(evaluate(exams_, examinee), UsageError);
  EXPECT_EQ(examinee.memory().stats().images_encoded, 0);
}

TEST_F(ModelExaminees, GuessWhenTheyKnowNothing) {
  ExamineeOptions options;
  options.scoring = Scoring::kLikelihood;
  ModelExaminee examinee(model(), options, {});
  int64_t right = 0;
  int64_t asks = 0;
  for (const Cell& cell : evaluate(exams_, examinee).cells) {
    right += cell.right_asks;
    asks += cell.asks;
  }
  EXPECT_EQ(asks, 40);
  EXPECT_GE(right, 3);  // a quarter is 10
  EXPECT_LE(right, 19);
}

TEST_F(ModelExaminees, AreInterruptedBetweenTokens) {
  int calls = 0;
  ModelExaminee examinee(model(), {},
                         [&](std::string_view, int64_t, int64_t) { return ++calls < 40; });
  EXPECT_TRUE(evaluate(exams_, examinee).interrupted);
}

TEST_F(ModelExaminees, CannotScoreOptionsThatAreNotThere) {
  ExamineeOptions options;
  options.scoring = Scoring::kLikelihood;
  ModelExaminee examinee(model(), options, {});
  Exam exam = exams_[0];
  exam.asks[0].options.clear();
  exam.asks[0].right.reset();
  EXPECT_THROW(examinee.reply(exam, exam.asks[0]), UsageError);
}

TEST_F(ModelExaminees, ScoreEachOptionAlike) {
  ExamineeOptions options;
  options.scoring = Scoring::kLikelihood;
  ModelExaminee examinee(model(), options, {});
  const Exam& exam = exams_[0];
  const std::vector<double> scores = examinee.reply(exam, exam.asks[0]).option_scores;
  ASSERT_EQ(scores.size(), exam.asks[0].options.size());
  for (const double score : scores) EXPECT_LT(score, 0);
  EXPECT_EQ(examinee.reply(exam, exam.asks[0]).option_scores, scores);
}

TEST(ReplyWithOption, PutsTheOptionIntoTheSentence) {
  Ask ask;
  ask.options = {"orange", "green"};
  ask.right = 0;
  ask.sentence = "The ground behind the orange is orange.";
  EXPECT_EQ(reply_with_option(ask, 1), "The ground behind the orange is green.");
  ask.sentence = "";
  EXPECT_EQ(reply_with_option(ask, 1), "green");
  ask.lettered = true;
  EXPECT_EQ(reply_with_option(ask, 1), "B");
}

}  // namespace
}  // namespace owl3
