// Charts as files: whole pictures of both kinds, and what can't be drawn.
#include "plot/chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "media/image.h"
#include "plot/smoothing.h"

namespace owl3 {
namespace {

Chart chart() {
  Chart chart;
  chart.title = "loss";
  chart.x_label = "step";
  Series series;
  series.name = "run";
  for (int i = 0; i < 50; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 20 ? std::nan("") : std::exp(-i / 10.0));
  }
  chart.series.push_back(series);
  return chart;
}

uint32_t big_endian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(Chart, IsAPngOfTheSizeAskedFor) {
  const ScratchFolder folder;
  draw_charts({chart(), chart()}, folder / "c.png", {400, 300, 2});
  const std::string bytes = read_text(folder / "c.png");
  ASSERT_TRUE(bytes.starts_with("\x89PNG"));
  EXPECT_EQ(big_endian(bytes, 16), 800U);
  EXPECT_EQ(big_endian(bytes, 20), 1200U);  // two panels
}

TEST(Chart, IsASvgThatEnds) {
  const ScratchFolder folder;
  draw_charts({chart()}, folder / "c.svg");
  const std::string text = read_text(folder / "c.svg");
  EXPECT_NE(text.find("<svg"), std::string::npos);
  EXPECT_NE(text.find("width=\"900px\""), std::string::npos) << text.substr(0, 300);
  EXPECT_NE(text.find("</svg>"), std::string::npos);
  EXPECT_EQ(folder.file_count(), 1U);
}

/// Rows, from the top, where drawing the series changed pixels of these columns: mean, or -1.
double mean_row(const Image& drawn, const Image& empty, int begin, int end) {
  double sum = 0;
  int count = 0;
  for (int y = 0; y < drawn.height; ++y) {
    for (int x = begin; x < end; ++x) {
      const size_t at = (static_cast<size_t>(y) * drawn.width + x) * 3;
      if (std::equal(&drawn.rgb[at], &drawn.rgb[at] + 3, &empty.rgb[at])) continue;
      sum += y;
      ++count;
    }
  }
  return count == 0 ? -1 : sum / count;
}

TEST(Chart, ShowsTheLineWhereItsNumbersAre) {
  const ScratchFolder folder;
  const auto drawn = [&](double first, double last) {
    Chart line;
    Series series;
    for (int i = 0; i <= 40; ++i) {
      series.x.push_back(i);
      series.y.push_back(first + (last - first) * i / 40);
    }
    line.series.push_back(series);
    line.y_range = {0, 10};
    draw_charts({line}, folder / "c.png", {400, 300, 1});
    return load_image(folder / "c.png");
  };
  const Image blank = drawn(std::nan(""), std::nan(""));
  const Image falling = drawn(9, 1);
  ASSERT_EQ(falling.width, 400);
  const double left = mean_row(falling, blank, 100, 140);
  const double right = mean_row(falling, blank, 320, 360);
  ASSERT_GT(left, 0);
  EXPECT_GT(right, left + 80);
  const double level = mean_row(drawn(9, 9), blank, 320, 360);
  ASSERT_GT(level, 0);
  EXPECT_LT(level, left);
}

TEST(Chart, HasEveryPointOfALineInTheSvg) {
  const ScratchFolder folder;
  const auto segments = [&](int step) {
    Chart line;
    Series series;
    for (int i = 0; i <= 84; i += step) {
      series.x.push_back(i);
      series.y.push_back((i / step) % 2 == 0 ? 1 : 9);  // Cairo joins what is straight
    }
    line.series.push_back(series);
    line.y_range = {0, 10};
    draw_charts({line}, folder / "c.svg");
    const std::string text = read_text(folder / "c.svg");
    int count = 0;
    for (size_t at = text.find(" L "); at != text.npos; at = text.find(" L ", at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(segments(1) - segments(2), 84 - 42);  // between the same axes
}

TEST(Chart, WithNothingToShowIsStillDrawn) {
  const ScratchFolder folder;
  Chart empty;
  empty.series.push_back({"nothing", {}, {}});
  empty.series.push_back({"gaps", {1, 2}, {std::nan(""), std::nan("")}});
  draw_charts({empty}, folder / "c.svg");
  EXPECT_EQ(folder.file_count(), 1U);
}

TEST(Chart, OfAnotherKindIsRefused) {
  const ScratchFolder folder;
  EXPECT_NE(message_of<UsageError>([&] { draw_charts({chart()}, folder / "c.pdf"); }).find(".svg"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              draw_charts({chart()}, "/nonexistent/c.svg");
            }).find("cannot be written"),
            std::string::npos);
  EXPECT_EQ(folder.file_count(), 0U);
}

TEST(Smoothing, LeavesStraightLinesAsTheyAre) {
  const std::vector<double> line = {3, 5, 7, 9, 11, 13};
  for (const int64_t half_width : {0, 1, 3, 100}) {
    const auto curve = smoothed(line, half_width);
    for (size_t i = 0; i < line.size(); ++i) EXPECT_NEAR(curve[i], line[i], 1e-9);
  }
  EXPECT_EQ(smoothed({4}, 3), std::vector<double>{4});
}

TEST(Smoothing, TakesNoiseAwayWithoutLag) {
  std::vector<double> noisy;
  for (int i = 0; i < 400; ++i) noisy.push_back(0.01 * i + (i % 2 == 0 ? 0.5 : -0.5));
  const auto curve = smoothed(noisy, 20);
  for (int i = 0; i < 400; ++i) EXPECT_NEAR(curve[static_cast<size_t>(i)], 0.01 * i, 0.1) << i;
}

TEST(Smoothing, SkipsWhatIsNoNumber) {
  const auto curve = smoothed({2, std::nan(""), 2}, 2);
  EXPECT_TRUE(std::isnan(curve[1]));
  EXPECT_NEAR(curve[2], 2, 1e-12);
}

}  // namespace
}  // namespace owl3
