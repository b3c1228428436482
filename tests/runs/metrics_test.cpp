// metrics.jsonl: written line by line, cut back when a run resumes, read for plots.
#include "runs/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

TEST(Metrics, ALineIsOneObjectWithStepFirst) {
  EXPECT_EQ(to_json_line({12, {{"loss", 0.1}, {"tokens", 640}}}),
            R"({"step":12,"loss":0.1,"tokens":640})");
  EXPECT_EQ(to_json_line({1, {{"loss", std::nan("")}}}), R"({"step":1,"loss":null})");
}

TEST(Metrics, NumbersComeBackExactly) {
  const ScratchFolder folder;
  const double loss = 1.0 / 3;
  MetricsFile(folder / "m.jsonl", 0).write({1, {{"loss", loss}}});
  const auto lines = read_metrics(folder / "m.jsonl");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].scalars[0].second, loss);
}

TEST(Metrics, ResumingTakesAwayStepsThatComeAgain) {
  const ScratchFolder folder;
  const auto path = folder.write("m.jsonl",
                                 "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n"
                                 "{\"step\":3,\"loss\":1}\n{\"step\":4,\"lo");
  MetricsFile(path, 2).write({3, {{"loss", 1.5}}});
  EXPECT_EQ(read_text(path),
            "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n{\"step\":3,\"loss\":1.5}\n");
}

TEST(Metrics, ResumingTakesAwayWhatIsNoMetrics) {
  const ScratchFolder folder;
  const auto path = folder.write("m.jsonl", "{\"step\":1,\"loss\":3}\n{\"step\":2,\"l\n\0\n[1]\n");
  MetricsFile(path, 2).write({3, {{"loss", 1.5}}});
  EXPECT_EQ(read_text(path), "{\"step\":1,\"loss\":3}\n{\"step\":3,\"loss\":1.5}\n");
}

TEST(Metrics, AnUnfinishedLastLineIsNotRead) {
  const ScratchFolder folder;
  EXPECT_EQ(read_metrics(folder.write("m.jsonl", "{\"step\":1}\n{\"step\":2}")).size(), 1U);
}

TEST(Metrics, ABrokenLineIsNamed) {
  const ScratchFolder folder;
  const auto path = folder.write("m.jsonl", "{\"step\":1}\n[1]\n");
  EXPECT_NE(message_of<InputError>([&] { read_metrics(path); }).find("m.jsonl:2: "),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { read_metrics(folder / "none"); }).find("No such file"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
