// Axes: round ticks, linear and logarithmic places.
#include "plot/axis.h"

#include <gtest/gtest.h>

#include <cmath>

namespace owl3 {
namespace {

std::string labels(const std::vector<Tick>& ticks) {
  std::string text;
  for (const Tick& tick : ticks) text += (text.empty() ? "" : " ") + tick.label;
  return text;
}

TEST(Axis, TicksAreRound) {
  EXPECT_DOUBLE_EQ(round_step(10, 5), 2);
  EXPECT_DOUBLE_EQ(round_step(1, 6), 0.2);
  EXPECT_DOUBLE_EQ(round_step(0.031, 4), 0.01);
  EXPECT_EQ(labels(Axis(0, 1).ticks(5)), "0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(labels(Axis(0, 3000).ticks(6)), "0 500 1,000 1,500 2,000 2,500 3,000");
  EXPECT_EQ(labels(Axis(0, 2e-5).ticks(4)), "0 5e-6 1e-5 1.5e-5 2e-5");
  EXPECT_EQ(labels(Axis(-0.5, 0.5).ticks(2)), "-0.5 0 0.5");
}

TEST(Axis, EndsAtRoundNumbersAroundTheValues) {
  const Axis axis({0.13, 2.9, std::nan("")}, Scale::kLinear);
  EXPECT_DOUBLE_EQ(axis.min(), 0);
  EXPECT_DOUBLE_EQ(axis.max(), 3);
  EXPECT_DOUBLE_EQ(axis.place(1.5), 0.5);
}

TEST(Axis, OneValueOrNoneStillHasARange) {
  for (const auto& values : {std::vector<double>{}, {0.0}, {5.0}, {-3.0, -3.0}}) {
    for (const Scale scale : {Scale::kLinear, Scale::kLog}) {
      const Axis axis(values, scale);
      EXPECT_LT(axis.min(), axis.max());
      EXPECT_TRUE(std::isfinite(axis.place(axis.max())));
    }
  }
}

TEST(Axis, LogarithmicDecadesAreEquallyFar) {
  const Axis axis({1, 10, 100}, Scale::kLog);
  EXPECT_DOUBLE_EQ(axis.place(1), 0);
  EXPECT_DOUBLE_EQ(axis.place(10), 0.5);
  EXPECT_DOUBLE_EQ(axis.place(100), 1);
  EXPECT_EQ(labels(axis.ticks(10)), "1 2 5 10 20 50 100");
  EXPECT_EQ(labels(axis.ticks(4)), "1 10 100");
  EXPECT_FALSE(axis.shows(-1));
}

TEST(Axis, ZeroHasAPlaceOnALogarithmicAxis) {
  const Axis axis({0, 1, 10, 400}, Scale::kLog);
  EXPECT_DOUBLE_EQ(axis.place(0), 0);
  EXPECT_GT(axis.place(1), 0.1);
  EXPECT_DOUBLE_EQ(axis.place(400), 1);
  EXPECT_EQ(axis.ticks(4).front().label, "0");
}

}  // namespace
}  // namespace owl3
