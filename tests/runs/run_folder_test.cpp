// Run folders: checkpoints that appear whole, the newest of them, one process at a time.
#include "runs/run_folder.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

void save(const RunFolder& run, int64_t step, int64_t keep) {
  AtomicFolder folder = run.begin_checkpoint(step);
  std::ofstream(folder.temporary() / "weights") << step;
  folder.commit();
  run.name_newest(step, keep);
}

TEST(RunFolder, KnowsItsNewestCheckpoint) {
  const ScratchFolder scratch;
  const RunFolder run(scratch / "run", false);
  EXPECT_TRUE(run.checkpoint_steps().empty());
  save(run, 10, 0);
  save(run, 200, 0);
  EXPECT_EQ(run.checkpoint_steps().back(), 200);
  EXPECT_EQ(read_text(run.checkpoint_path(200) / "weights"), "200");
  EXPECT_EQ(read_text(run.path() / "last"), "checkpoint-200\n");
}

TEST(RunFolder, ARunThatDidNoStepLeavesTheNameFree) {
  const ScratchFolder scratch;
  {
    const RunFolder run(scratch / "run", false);
    const std::ofstream metrics(run.metrics_path());
    std::ofstream(run.recipe_path()) << "steps: 3\n";
  }
  check_run_folder(scratch / "run", false);
  {
    const RunFolder again(scratch / "run", false);
    std::ofstream(again.metrics_path()) << "{\"step\": 1, \"loss\": 2}\n";
  }
  EXPECT_THROW(check_run_folder(scratch / "run", false), InputError);
  EXPECT_THROW(RunFolder(scratch / "run", false), InputError);
}

TEST(RunFolder, KeepsAsManyCheckpointsAsAsked) {
  const ScratchFolder scratch;
  const RunFolder run(scratch / "run", false);
  for (const int64_t step : {5, 10, 15, 100}) save(run, step, 2);
  EXPECT_EQ(run.checkpoint_steps(), (std::vector<int64_t>{15, 100}));
}

TEST(RunFolder, SavesAStepAgainOverALostOne) {
  const ScratchFolder scratch;
  const RunFolder run(scratch / "run", false);
  save(run, 5, 0);
  save(run, 5, 1);
  EXPECT_EQ(run.checkpoint_steps(), std::vector<int64_t>{5});
}

TEST(RunFolder, AnUnfinishedCheckpointIsNone) {
  constexpr const char* kLeftover = "checkpoint-9.part-0123456789abcdef";  // of a killed process
  const ScratchFolder scratch;
  {
    const RunFolder run(scratch / "run", false);
    save(run, 5, 0);
    std::filesystem::create_directory(run.path() / kLeftover);
    std::ofstream(run.path() / kLeftover / "weights") << "hal";
  }
  const RunFolder run(scratch / "run", true);
  EXPECT_EQ(run.checkpoint_steps(), std::vector<int64_t>{5});
  EXPECT_FALSE(std::filesystem::exists(run.path() / kLeftover));
  {
    const AtomicFolder dropped = run.begin_checkpoint(11);
    EXPECT_TRUE(std::filesystem::exists(dropped.temporary()));
  }
  EXPECT_EQ(run.checkpoint_steps(), std::vector<int64_t>{5});
}

TEST(RunFolder, OfAnotherRunIsRefused) {
  const ScratchFolder scratch;
  const auto open = [&] { RunFolder(scratch / "run", false); };
  { const RunFolder run(scratch / "run", false); }
  open();  // nothing was trained in it
  {
    const RunFolder run(scratch / "run", false);
    EXPECT_NE(message_of<InputError>(open).find("another process"), std::string::npos);
    save(run, 1, 0);
  }
  EXPECT_NE(message_of<InputError>(open).find("--resume"), std::string::npos);
}

TEST(RunFolder, AModelThatStandsThereIsNotWrittenOver) {
  const ScratchFolder scratch;
  std::filesystem::create_directories(scratch / "run" / "model");
  EXPECT_NE(message_of<InputError>([&] { RunFolder(scratch / "run", false); }).find("model/"),
            std::string::npos);
  EXPECT_NE(
      message_of<InputError>([&] { check_run_folder(scratch / "run", false); }).find("model/"),
      std::string::npos);
}

TEST(RunFolder, ALinkCalledLastIsReplacedAndNotFollowed) {
  const ScratchFolder scratch;
  const RunFolder run(scratch / "run", false);
  save(run, 5, 0);
  std::filesystem::remove(run.path() / "last");
  std::filesystem::create_directory_symlink("checkpoint-5", run.path() / "last");
  save(run, 6, 0);
  EXPECT_EQ(read_text(run.path() / "last"), "checkpoint-6\n");
}

TEST(RunFolder, IsCheckedWithoutBeingMade) {
  const ScratchFolder scratch;
  check_can_be_made(scratch / "features");
  EXPECT_FALSE(std::filesystem::exists(scratch / "features"));
  check_run_folder(scratch / "a" / "b", false);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a"));
  scratch.write("file", "");
  EXPECT_NE(message_of<InputError>([&] {
              check_run_folder(scratch / "file" / "b", false);
            }).find("is not a folder"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
