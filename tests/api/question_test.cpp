// Where images and films stand in the text that the model reads.
#include "api/question.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace owl3 {

namespace {

std::vector<QuestionMedium> media(const std::string& kinds) {
  std::vector<QuestionMedium> list;
  for (const char kind : kinds) list.push_back({kind == 'v', std::string("file-") + kind});
  return list;
}

TEST(Question, MediaWithoutMarksStandOnLinesBeforeIt) {
  EXPECT_EQ(with_model_marks("Why?", media("iv")), "<|image|>\n<|video|>\nWhy?");
}

TEST(Question, ImagesGetTheirNumbersBehindThem) {
  EXPECT_EQ(with_model_marks("Why?", media("iii"), {true, 0}),
            "<|image|>1<|image|>2<|image|>3\nWhy?");
}

TEST(Question, ASingleImageNeedsNoNumberUnlessOthersCameBefore) {
  EXPECT_EQ(with_model_marks("Why?", media("i"), {true, 0}), "<|image|>\nWhy?");
  EXPECT_EQ(with_model_marks("Why?", media("i"), {true, 12}), "<|image|>13\nWhy?");
}

TEST(Question, FilmsAreNotNumbered) {
  EXPECT_EQ(with_model_marks("Why?", media("iivi"), {true, 0}),
            "<|image|>1<|image|>2\n<|video|>\n<|image|>3\nWhy?");
  EXPECT_EQ(with_model_marks("Why?", media("v"), {true, 0}), "<|video|>\nWhy?");
}

TEST(Question, MarksInTheTextAreObeyedNumberedOrNot) {
  EXPECT_EQ(with_model_marks("Is <image> <image>?", media("ii"), {true, 0}),
            "Is <|image|> <|image|>?");
  EXPECT_THROW(with_model_marks("Is <image>?", media("ii"), {true, 0}), UsageError);
}

}  // namespace

}  // namespace owl3
