// Learning rates: warm-up, cosine, constant.
#include "runs/schedule.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

LearningRateRecipe recipe(double max, double min, int64_t warmup) {
  LearningRateRecipe rate;
  rate.max = max;
  rate.min = min;
  rate.warmup_steps = warmup;
  return rate;
}

TEST(LearningRate, RisesLinearlyToItsMaximum) {
  const LearningRateSchedule schedule(recipe(1, 0, 4), 100);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(3), 1);
}

TEST(LearningRate, FallsByACosineToItsMinimumAtTheLastStep) {
  const LearningRateSchedule schedule(recipe(1, 0.1, 11), 111);  // 100 steps after the warm-up
  EXPECT_DOUBLE_EQ(schedule.at(10), 1);
  EXPECT_NEAR(schedule.at(60), 0.55, 1e-12);  // half way
  EXPECT_NEAR(schedule.at(35), 0.1 + 0.9 * 0.5 * (1 + 0.70710678118654752), 1e-12);
  EXPECT_NEAR(schedule.at(110), 0.1, 1e-12);
  EXPECT_NEAR(schedule.at(500), 0.1, 1e-12);
}

TEST(LearningRate, WithoutWarmUpBeginsAtItsMaximum) {
  const LearningRateSchedule schedule(recipe(2, 0, 0), 10);
  EXPECT_DOUBLE_EQ(schedule.at(0), 2);
  EXPECT_NEAR(schedule.at(9), 0, 1e-12);
  EXPECT_DOUBLE_EQ(LearningRateSchedule(recipe(2, 2, 0), 1).at(0), 2);
}

TEST(LearningRate, TheWarmUpRatioCountsWholeSteps) {
  LearningRateRecipe rate;
  rate.warmup_ratio = 0.03;
  EXPECT_EQ(LearningRateSchedule(rate, 20000).warmup_steps(), 600);
  EXPECT_EQ(LearningRateSchedule(rate, 10).warmup_steps(), 1);
}

TEST(LearningRate, ConstantStays) {
  LearningRateRecipe rate = recipe(3, 0, 2);
  rate.schedule = LearningRateRecipe::Schedule::kConstant;
  const LearningRateSchedule schedule(rate, 50);
  EXPECT_DOUBLE_EQ(schedule.at(0), 1.5);
  EXPECT_DOUBLE_EQ(schedule.at(2), 3);
  EXPECT_DOUBLE_EQ(schedule.at(49), 3);
}

TEST(LearningRate, FollowsTheProgressWhereStepsAreNotKnown) {
  LearningRateRecipe rate = recipe(1, 0, 2);
  const LearningRateSchedule by_steps(rate, 0);
  EXPECT_DOUBLE_EQ(by_steps.at_progress(0, 0), 0.5);
  EXPECT_NEAR(by_steps.at_progress(50, 0.5), 0.5, 1e-12);
  rate.warmup_steps = -1;
  rate.warmup_ratio = 0.2;
  const LearningRateSchedule by_ratio(rate, 0);
  EXPECT_GT(by_ratio.at_progress(0, 0), 0);
  EXPECT_NEAR(by_ratio.at_progress(9, 0.09), 0.5, 1e-12);  // a hundredth a step
  EXPECT_NEAR(by_ratio.at_progress(60, 0.6), 0.5, 1e-12);
  EXPECT_NEAR(by_ratio.at_progress(100, 1), 0, 1e-12);
}

}  // namespace
}  // namespace owl3
