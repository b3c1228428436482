// How long a run is, told before it begins.
#include "runs/run_length.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

Recipe of_epochs(int64_t epochs) {
  Recipe recipe;
  recipe.epochs = epochs;
  return recipe;
}

Recipe of_steps(int64_t steps) {
  Recipe recipe;
  recipe.steps = steps;
  return recipe;
}

TEST(RunLength, TellsWhatTheRecipeDoesNotSay) {
  const Recipe epochs = of_epochs(3);
  EXPECT_EQ(length_text(epochs, run_length(epochs, 18, 1, 54, true)), "3 epochs, 1 step");
  EXPECT_EQ(length_text(epochs, run_length(epochs, 900, 40, 900, false)),
            "3 epochs, about 120 steps");
  const Recipe steps = of_steps(120);
  EXPECT_EQ(length_text(steps, run_length(steps, 30, 120, 480, true)), "120 steps, 16 epochs");
  EXPECT_EQ(length_text(steps, run_length(steps, 30, 120, 45, true)), "120 steps, 1.5 epochs");
  EXPECT_EQ(length_text(steps, run_length(steps, 100'000, 30, 4000, false)),
            "120 steps, about 0.2 epochs");
  EXPECT_EQ(length_text(steps, run_length(steps, 1'000'000, 120, 4000, true)),
            "120 steps, 0.004 epochs");
}

TEST(RunLength, SaysNoMoreThanIsKnown) {
  const Recipe epochs = of_epochs(3);
  const RunLength unknown = run_length(epochs, 18, 0, 0, false);
  EXPECT_EQ(length_text(epochs, unknown), "3 epochs");
  EXPECT_EQ(short_run_warning(epochs, unknown), "");
  EXPECT_EQ(length_text(of_steps(1), RunLength{}), "1 step");
}

TEST(RunLength, WarnsOfARunThatTeachesNothing) {
  Recipe recipe = of_epochs(3);
  recipe.batch.accumulate = 16;
  const auto warning = [&](int64_t steps) {
    return short_run_warning(recipe, run_length(recipe, 18, steps, 54, true));
  };
  EXPECT_EQ(warning(1),
            "warning: 1 step teaches next to nothing, 30 or more are needed: raise epochs, lower "
            "batch.accumulate, set batch.pack to false, or take recipes/small.yaml, which is for "
            "few rows");
  EXPECT_TRUE(warning(29).starts_with("warning: 29 steps teach next to nothing"));
  EXPECT_EQ(warning(30), "");
}

TEST(RunLength, AdvisesWhatHelpsThisRecipe) {
  Recipe recipe = of_epochs(1);
  recipe.batch = {4, 1, 2048, 0, false};
  const std::string rows = short_run_warning(recipe, run_length(recipe, 8, 2, 8, true));
  EXPECT_NE(rows.find("lower batch.rows"), std::string::npos) << rows;
  EXPECT_EQ(rows.find("accumulate"), std::string::npos) << rows;
  EXPECT_EQ(rows.find("pack"), std::string::npos) << rows;
  recipe.task = Task::kSiglip;
  const std::string siglip = short_run_warning(recipe, run_length(recipe, 8, 2, 8, true));
  EXPECT_EQ(siglip.find("small.yaml"), std::string::npos) << siglip;
  const Recipe steps = of_steps(5);
  const std::string by_steps = short_run_warning(steps, run_length(steps, 8, 5, 8, true));
  EXPECT_TRUE(by_steps.ends_with(": raise steps")) << by_steps;
}

}  // namespace
}  // namespace owl3
