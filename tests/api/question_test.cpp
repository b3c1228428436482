// Where images and films stand in the text that the model reads.
#include "api/question.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "text/user_marks.h"

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

TEST(Question, AMarkBehindABackslashIsText) {
  EXPECT_EQ(with_model_marks("What does \\<image> mean in <image>?", media("i")),
            "What does <image> mean in <|image|>?");
  EXPECT_EQ(with_model_marks("\\<video>", media("i")), "<|image|>\n<video>");
  EXPECT_EQ(with_model_marks("a\\\\<image>", media("i")), "a\\<|image|>");
  EXPECT_EQ(with_model_marks("a\\\\\\<image>", {}), "a\\<image>");
  EXPECT_EQ(with_model_marks("C:\\\\temp \\n \\", {}), "C:\\\\temp \\n \\");
  EXPECT_TRUE(places_media("a \\\\<image>"));
  EXPECT_FALSE(places_media("a \\<image> \\"));
}

}  // namespace

}  // namespace owl3
