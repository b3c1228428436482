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
    metrics << "{\"step\":" << step << ",\"loss\":" << 5.0 / step << ",\"learning_rate\":0.001}\n";
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

/// A report of `owl3 eval distractors --json`, as far as it is drawn.
std::string eval_report_file(const std::string& name, const std::string& accuracy,
                             const std::string& more = "") {
  const std::string path = (scratch_folder() / name).string();
  std::ofstream report(path);
  report << R"({"cells":[)";
  for (const char* by : {"content", "number"}) {
    for (const int n : {0, 10, 400}) {
      report << R"({"by":")" << by << R"(","distractors":)" << n << R"(,"accuracy":)" << accuracy
             << R"(,"first_token_seconds":0.1,"visual_memory_bytes":37000)" << more << "}"
             << (n == 400 && *by == 'n' ? "" : ",");
    }
  }
  report << "]}";
  return path;
}

TEST(PlotCommand, DrawsEvaluationsBesideEachOther) {
  const auto bytes_of_picture = [](const std::vector<std::string>& reports) {
    const std::string out = (scratch_folder() / "models.svg").string();
    std::vector<std::string> arguments = {"plot", "--out", out};
    arguments.insert(arguments.end(), reports.begin(), reports.end());
    const Outcome outcome = run_owl3(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, out + "\n");
    return std::filesystem::file_size(out);
  };
  const std::string owlet = eval_report_file("owlet.json", "0.9");
  const std::string other = eval_report_file("other.json", "0.4");
  EXPECT_GT(bytes_of_picture({owlet, other}), bytes_of_picture({owlet}) + 1000);
  // Evidence has a panel of its own, where a report has any.
  const std::string with_evidence = eval_report_file("led.json", "0.9", R"(,"led":0.95)");
  EXPECT_GT(bytes_of_picture({with_evidence}), bytes_of_picture({owlet}) + 1000);
  const std::string without = eval_report_file("unled.json", "0.9", R"(,"led":null)");
  EXPECT_LT(bytes_of_picture({without}), bytes_of_picture({with_evidence}));
}

TEST(PlotCommand, RefusesWhatIsNoReport) {
  const std::string out = (scratch_folder() / "none.svg").string();
  const auto error_of = [&](const std::string& path) {
    const Outcome outcome = run_owl3({"plot", path, "--out", out});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(error_of(eval_report_file("bad.json", "\"much\"")).find("cells[0].accuracy"),
            std::string::npos);
  const std::string empty = (scratch_folder() / "empty.json").string();
  std::ofstream(empty) << "{}";
  EXPECT_NE(error_of(empty).find("has no cells"), std::string::npos);
  error_of((scratch_folder() / "nowhere.json").string());
  const Outcome mixed = run_owl3({"plot", run_folder("plot-run"), empty, "--out", out});
  EXPECT_EQ(mixed.exit_code, 2);
}

TEST(PlotCommand, DrawsInPlaceOfAChartAndOfNoOtherFile) {
  for (const char* name : {"drawn.svg", "drawn.png"}) {
    const std::string out = (scratch_folder() / name).string();
    const std::vector<std::string> words = {"plot", run_folder("plot-run"), "--out", out};
    EXPECT_EQ(run_owl3(words).exit_code, 0) << name;
    EXPECT_EQ(run_owl3(words).exit_code, 0) << name;
    std::ofstream(out) << "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n";
    const auto bytes = std::filesystem::file_size(out);
    const Outcome refused = run_owl3(words);
    EXPECT_EQ(refused.exit_code, 1) << name;
    EXPECT_NE(refused.err.find("is no picture that owl3 plot drew"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(out), bytes);
  }
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
