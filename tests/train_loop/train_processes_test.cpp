// Several processes that train together: the same losses as one, and no hang when one is gone.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>

#include "core/scratch_folder.h"
#include "train_process.h"

namespace owl3::test {
namespace {

namespace fs = std::filesystem;

/// Sums over processes are taken in another order than sums over a batch, and the optimiser
/// multiplies what rounding does to small gradients.
constexpr double kTolerance = 2e-4;

std::string recipe(int steps, int rows) {
  return "model: " + (workshop() / "base").string() +
         "\ntrainable: [projector, hyper, decoder]\ndata: " + (workshop() / "data.jsonl").string() +
         "\nbatch: {rows: " + std::to_string(rows) +
         ", accumulate: 2, tokens: 160}\ncut: false\nsave_every: 4\nschedule: constant\nsteps: " +
         std::to_string(steps) + "\n";
}

using Pair = std::vector<std::unique_ptr<RunningProgram>>;

/// Two processes of one run.
Pair start_pair(const fs::path& path, const std::vector<std::string>& arguments) {
  const int port = free_port();
  Pair pair;
  for (int rank = 0; rank < 2; ++rank) {
    pair.push_back(std::make_unique<RunningProgram>(
        train_command(path, arguments), torchrun_environment(rank, 2, port),
        path.string() + "." + std::to_string(rank) + ".log"));
  }
  return pair;
}

void expect_alike(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], kTolerance * expected[i]) << "step " << i + 1;
  }
}

TEST(TrainProcesses, TwoGiveTheLossesOfOneAlsoWhenTheyGoOn) {
  const fs::path one = workshop() / "one";
  const fs::path two = workshop() / "two";
  ASSERT_EQ(train(write_recipe(one, recipe(8, 2))).exit_code, 0);
  const fs::path path = write_recipe(two, recipe(8, 1));
  {
    const Pair pair = start_pair(path, {"--set", "steps=4"});
    for (const auto& process : pair) EXPECT_EQ(process->wait(), 0) << process->output();
    EXPECT_EQ(pair[1]->output(), "");  // the first speaks for all
  }
  const Pair pair = start_pair(path, {"--resume"});
  for (const auto& process : pair) EXPECT_EQ(process->wait(), 0) << process->output();
  expect_alike(losses_of(two), losses_of(one));
}

TEST(TrainProcesses, OneGoesOnWhereTwoWereKilled) {
  const fs::path one = workshop() / "alone";
  const fs::path killed = workshop() / "pair-killed";
  ASSERT_EQ(train(write_recipe(one, recipe(8, 2))).exit_code, 0);
  const fs::path path = write_recipe(killed, recipe(8, 1));
  {
    const Pair pair = start_pair(path, {});
    ASSERT_TRUE(wait_until([&] { return losses_of(killed).size() >= 5; })) << pair[0]->output();
    for (const auto& process : pair) process->signal(SIGKILL);
    for (const auto& process : pair) process->wait();
  }
  const Outcome outcome = train(path, {"--resume", "--set", "batch.rows=2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  expect_alike(losses_of(killed), losses_of(one));
}

TEST(TrainProcesses, ALostProcessEndsTheOthersWithAClearLine) {
  for (const size_t lost : {0U, 1U}) {
    const fs::path run = workshop() / ("lost" + std::to_string(lost));
    const Pair pair = start_pair(write_recipe(run, recipe(2000, 1)), {});
    ASSERT_TRUE(wait_until([&] { return losses_of(run).size() >= 2; })) << pair[0]->output();
    pair[lost]->signal(SIGKILL);
    RunningProgram& left = *pair[1 - lost];
    EXPECT_EQ(left.wait(30), 1);
    EXPECT_NE(left.output().find("another process of this run is gone"), std::string::npos)
        << left.output();
    EXPECT_NE(left.output().find("--resume"), std::string::npos);
  }
}

TEST(TrainProcesses, ASignalToOneEndsAllCleanly) {
  const fs::path run = workshop() / "pair-asked";
  const Pair pair = start_pair(write_recipe(run, recipe(2000, 1)), {});
  ASSERT_TRUE(wait_until([&] { return losses_of(run).size() >= 2; })) << pair[0]->output();
  pair[1]->signal(SIGTERM);
  EXPECT_EQ(pair[1]->wait(), 128 + SIGTERM) << pair[1]->output();
  pair[0]->wait();
  EXPECT_EQ(read_text(run / "last"), "checkpoint-" + std::to_string(losses_of(run).size()) + "\n");
}

}  // namespace
}  // namespace owl3::test
