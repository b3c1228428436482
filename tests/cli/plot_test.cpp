// `owl3 plot` through the program.
#include <gtest/gtest.h>

#include <fstream>

#include "run_program.h"

namespace owl3::test {
namespace {

/// A run folder with a few logged steps.
std::string run_folder(const std::string& name) {
  const std::filesystem::path path = scratch_folder() / name;
  std::filesystem::create_directories(path);
  std::ofstream metrics(path / "metrics.jsonl");
  for (int step = 1; step <= 60; ++step) {
    metrics << "{\"step\":" << step << ",\"loss\":" << 5.0 / step
            << ",\"learning_rate\":0.001}\n";
  }
  metrics << "{\"step\":60,\"validation_loss\":0.2}\n";
  return path.string();
}

TEST(PlotCommand, DrawsIntoTheRunsFolder) {
  const std::string run = run_folder("plot-run");
  const Outcome outcome = run_owl3({"plot", run});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, run + "/curves.svg\n");
  EXPECT_GT(std::filesystem::file_size(run + "/curves.svg"), 1000U);
}

TEST(PlotCommand, DrawsSeveralRunsAsPng) {
  const std::string out = (scratch_folder() / "both.png").string();
  const Outcome outcome = run_owl3({"plot", run_folder("plot-a"), run_folder("plot-b"), "--out",
                                    out, "--metric", "loss", "--log-x"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(out));
}

TEST(PlotCommand, SaysWhatIsWrongInOneLine) {
  const std::string run = run_folder("plot-run");
  const Outcome metric = run_owl3({"plot", run, "--metric", "lose"});
  EXPECT_EQ(metric.exit_code, 2);
  EXPECT_EQ(metric.err,
            "owl3: no run has the metric \"lose\"; there are learning_rate, loss, "
            "validation_loss\n");
  const Outcome nothing = run_owl3({"plot", (scratch_folder() / "nowhere").string()});
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_TRUE(is_one_line(nothing.err)) << nothing.err;
  EXPECT_EQ(run_owl3({"plot", run, "--out", "picture.gif"}).exit_code, 2);
}

}  // namespace
}  // namespace owl3::test
