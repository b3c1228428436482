#include "generate/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "generate/sampler.h"

namespace owl3 {

namespace {

TEST(Likelihoods, AreALogSoftmaxOfTheLogits) {
  const std::vector<float> logits = {1, -2, 3, 0.5F, 3};
  const Likelihoods likelihoods(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  for (size_t i = 0; i < logits.size(); ++i) {
    const TokenLikelihood one = likelihoods.of(static_cast<int32_t>(i));
    EXPECT_NEAR(one.logprob, double{logits[i]} - std::log(sum), 1e-12);
  }
  const std::vector<TokenLikelihood> three = likelihoods.likeliest(3);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[0].token, 2);  // of two equals the first
  EXPECT_EQ(three[1].token, 4);
  EXPECT_EQ(three[2].token, 0);
  EXPECT_EQ(likelihoods.likeliest(100).size(), logits.size());
  EXPECT_TRUE(likelihoods.likeliest(0).empty());
}

TEST(Likelihoods, AreFiniteForLogitsOfAnySize) {
  const std::vector<float> logits = {3e38F, -3e38F, 0};
  const Likelihoods likelihoods(logits);
  EXPECT_EQ(likelihoods.of(0).logprob, 0);
  EXPECT_TRUE(std::isfinite(likelihoods.of(1).logprob));
}

TEST(AnswerPenalties, CountWhatWasWrittenAndNotWhatWasAsked) {
  std::vector<float> logits(4, 1);
  const std::vector<int32_t> answer = {1, 2, 1, 1};
  apply_answer_penalties(logits, answer, 0.5, 0.25);
  EXPECT_EQ(logits, (std::vector<float>{1, 1 - 0.5F - 0.75F, 1 - 0.5F - 0.25F, 1}));

  GenerationOptions options;
  options.do_sample = false;
  options.repetition_penalty = 1;
  options.presence_penalty = 2;
  Sampler sampler(options);
  std::vector<float> two = {1, 0};
  EXPECT_EQ(sampler.choose(two, std::vector<int32_t>{0}, 0), 0);  // of the prompt
  two = {1, 0};
  EXPECT_EQ(sampler.choose(two, std::vector<int32_t>{0}, 1), 1);  // of the answer
}

TEST(AnswerPenalties, AreNotForBeams) {
  GenerationOptions options;
  options.do_sample = false;
  options.num_beams = 2;
  EXPECT_NO_THROW(check_generation_options(options));
  options.presence_penalty = 1;
  EXPECT_THROW(check_generation_options(options), UsageError);
  options.presence_penalty = 0;
  options.likeliest = 3;
  EXPECT_THROW(check_generation_options(options), UsageError);
  options.num_beams = 1;
  options.likeliest = kMaxLikeliest + 1;
  EXPECT_THROW(check_generation_options(options), UsageError);
}

}  // namespace

}  // namespace owl3
