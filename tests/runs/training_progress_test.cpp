// What a person sees while a model is trained.
#include "runs/training_progress.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/scratch_folder.h"

namespace owl3 {
namespace {

TrainingState state() {
  TrainingState state;
  state.step = 120;
  state.steps = 240;
  state.loss = 1.23456;
  state.learning_rate = 1e-3;
  state.tokens_per_second = 5230.4;
  state.images_per_second = 4.1;
  state.seconds_left = 723;
  return state;
}

TEST(TrainingLine, TellsLossRateSpeedAndTimeLeft) {
  EXPECT_EQ(training_log_line(state()),
            "step 120/240  loss 1.2346  lr 1.00e-03  5230 tokens/s  4.1 images/s  left 12:03");
}

TEST(TrainingLine, FitsTheTerminal) {
  for (int columns = 1; columns < 160; ++columns) {
    const std::string line = training_line(state(), columns);
    const auto characters =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LT(characters, std::max(columns, 2)) << line;
  }
  EXPECT_NE(training_line(state(), 120).find("█"), std::string::npos);
  EXPECT_EQ(training_line(state(), 60),
            "step 120/240  ███░░░░  loss 1.2346  lr 1.00e-03  left 12:03");
}

TEST(TrainingProgress, WritesPlainLinesIntoALog) {
  const ScratchFolder folder;
  {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen((folder / "log").c_str(), "w"), std::fclose);
    TrainingProgress progress(file.get(), nullptr);
    progress.update(state(), false);
    progress.update(state(), true);
    progress.say("saved");
  }
  EXPECT_EQ(read_text(folder / "log"), training_log_line(state()) + "\nsaved\n");
}

TEST(TrainingProgress, OnATerminalDrawsOneLineOverAndOver) {
  const ScratchFolder folder;
  {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen((folder / "log").c_str(), "w"), std::fclose);
    TrainingProgress progress(file.get(), [] { return 80; });
    progress.update(state(), true);
    progress.say("saved");
  }
  EXPECT_EQ(read_text(folder / "log"), "\r\033[K" + training_line(state(), 80) + "\r\033[Ksaved\n");
}

}  // namespace
}  // namespace owl3
