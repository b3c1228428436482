// Which replies are right, and the interval of their share.
#include "eval/scoring.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

Ask ask_of(std::vector<std::string> options, size_t right, bool lettered = false) {
  Ask ask;
  ask.options = std::move(options);
  ask.right = right;
  ask.lettered = lettered;
  return ask;
}

TEST(Scoring, TakesTheOptionThatTheReplyNames) {
  const Ask ask = ask_of({"green", "red", "light blue", "blue"}, 2);
  EXPECT_TRUE(is_right("The ground behind the owl is Light Blue.", ask));
  EXPECT_TRUE(is_right("light\nblue", ask));
  EXPECT_FALSE(is_right("It is blue.", ask));
  EXPECT_FALSE(is_right("It is not red but light blue.", ask)) << "names two";
  EXPECT_FALSE(is_right("It is delightblue.", ask));
  EXPECT_FALSE(is_right("", ask));
  EXPECT_EQ(named_option("It is blue.", ask), 3u);
}

TEST(Scoring, TakesNoOptionFromWhatTheReplyRepeatsOfTheQuestion) {
  Ask ask = ask_of({"brown", "blue", "white", "red"}, 1);
  ask.sentence = "The ground behind the brown cross is blue.";
  EXPECT_TRUE(is_right("The ground behind the brown cross is blue.", ask));
  EXPECT_EQ(named_option("The ground behind the brown cross is white.", ask), 2u);
  EXPECT_EQ(named_option("The ground behind the brown cross is brown.", ask), 0u);
  EXPECT_FALSE(is_right("The ground behind the brown cross is brown, blue, white or red.", ask));
  EXPECT_FALSE(is_right("The ground behind the white cross is blue.", ask)) << "of another thing";

  ask.sentence = "The ground behind the blue cross is blue.";
  EXPECT_TRUE(is_right("The ground behind the blue cross is blue.", ask));
  EXPECT_FALSE(is_right("The ground behind the blue cross is", ask));
  EXPECT_FALSE(is_right("The ground behind the blue cross is red.", ask));
}

TEST(Scoring, DoesNotHangOnArticles) {
  const Ask ask = ask_of({"an owl", "a dog", "a hot dog"}, 0);
  EXPECT_TRUE(is_right("Image 3 shows the owl.", ask));
  EXPECT_EQ(named_option("Image 3 shows a hot dog.", ask), 2u);
  EXPECT_EQ(named_option("A hot, hot dog", ask), 2u);
}

TEST(Scoring, ReadsLettersWhereTheQuestionHasThem) {
  const Ask ask = ask_of({"green", "red", "blue"}, 1, /*lettered=*/true);
  for (const char* reply :
       {"B", "B.", "(B)", "B. red", "The answer is B.", "Answer: B\n", "red", "It is red."}) {
    EXPECT_TRUE(is_right(reply, ask)) << reply;
  }
  for (const char* reply : {"A", "b", "C. red", "Blue", "Bred", "D", "E. red tape?"}) {
    EXPECT_EQ(is_right(reply, ask), std::string(reply) == "E. red tape?") << reply;
  }
  EXPECT_EQ(named_option("A red one", ask), 1u) << "an article, no letter";
  EXPECT_EQ(named_option("A", ask), 0u);
  EXPECT_TRUE(is_right("B", ask_of({"x", "y"}, 1, true)));
  EXPECT_FALSE(is_right("B", ask_of({"x", "y"}, 1, false)));
}

TEST(Scoring, WithoutOptionsWantsTheAnswersWordsInOneRun) {
  Ask ask;
  ask.answer = "a red apple";
  EXPECT_TRUE(is_right("I see the red apple there", ask));
  EXPECT_FALSE(is_right("A red and green apple", ask));
}

TEST(ConfidenceInterval, IsWilsons) {
  // Values of R's binom::binom.wilson are the formula's: 8 of 10 is 0.4902 to 0.9433.
  const Interval interval = confidence_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.4902, 1e-4);
  EXPECT_NEAR(interval.high, 0.9433, 1e-4);
  EXPECT_NEAR(confidence_interval(10, 10).low, 0.7225, 1e-4);
  EXPECT_NEAR(confidence_interval(10, 10).high, 1, 1e-9);
  EXPECT_NEAR(confidence_interval(0, 10).low, 0, 1e-9);
  EXPECT_EQ(confidence_interval(0, 0).high, 1);
}

}  // namespace
}  // namespace owl3
