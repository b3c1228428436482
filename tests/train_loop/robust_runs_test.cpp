// What goes wrong around a run, in its data, its validation, its files and its disk, does not cost
// what was trained.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "core/scratch_folder.h"
#include "train_process.h"

namespace owl3::test {
namespace {

namespace fs = std::filesystem;

std::string row(const std::string& picture, int number) {
  return R"({"messages":[{"role":"user","content":"<image>\nWhich colour?"},)"
         R"({"role":"assistant","content":"colour )" +
         std::to_string(number) + R"("}],"images":[")" + picture + "\"]}\n";
}

/// 40 rows over the workshop's pictures; those that `broken` names show one that is cut short.
fs::path write_rows(const std::string& name, const std::vector<int>& broken) {
  const std::string whole = read_text(fs::path(OWL3_TEST_DATA) / "images" / "02-L-17x5.png");
  // Its header is whole.
  std::ofstream(workshop() / "short.png", std::ios::binary) << whole.substr(0, whole.size() - 50);
  const fs::path path = workshop() / name;
  std::ofstream file(path);
  for (int i = 0; i < 40; ++i) {
    const bool is_broken = std::find(broken.begin(), broken.end(), i) != broken.end();
    file << row(is_broken ? "short.png" : i % 2 == 0 ? "red.ppm" : "green.ppm", i);
  }
  return path;
}

/// One sample a step, so that a broken one comes at a step of its own.
std::string recipe_of(const fs::path& data, int steps, const std::string& more = "") {
  return "model: " + (workshop() / "base").string() +
         "\ntrainable: [projector, hyper]\ncut: false\ndata: " + data.string() +
         "\nbatch: {rows: 1, tokens: 160, pack: false}\nsave_every: 0\nsteps: " +
         std::to_string(steps) + "\n" + more;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

size_t lines_in(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RobustRuns, WhatTheRecipeNamesIsLookedAtBeforeAnythingIsDone) {
  const fs::path data = write_rows("whole.jsonl", {});
  const fs::path bad_validation = write_rows("bad-validation.jsonl", {3});
  std::ofstream(workshop() / "a-file") << "no folder";
  const std::string none = (workshop() / "none.jsonl").string();
  const std::vector<std::pair<std::string, std::string>> wrongs = {
      {"validation.path=" + none, "validation.path: " + none + ": No such file or directory"},
      {"validation.path=" + bad_validation.string(), "bad-validation.jsonl:4: images[0]: "},
      {"data=" + none, "data: " + none + ": No such file or directory"},
      {"model=" + none, "model: " + none + ": no such model folder"},
      {"output=" + (workshop() / "a-file" / "run").string(), "is not a folder"},
  };
  int number = 0;
  for (const auto& [assignment, message] : wrongs) {
    const fs::path run = workshop() / ("named" + std::to_string(number++));
    const fs::path recipe = write_recipe(run, recipe_of(data, 3, "validation: {path: x}\n"));
    for (const bool dry : {true, false}) {
      if (!dry && number > 2) continue;  // what is looked at is the same
      std::vector<std::string> arguments = {"--set", "validation.path=" + data.string(), "--set",
                                            assignment};
      if (dry) arguments.emplace_back("--dry-run");
      const Outcome outcome = train(recipe, arguments);
      EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
      EXPECT_TRUE(contains(outcome.output, message)) << outcome.output;
      EXPECT_FALSE(fs::exists(run / "metrics.jsonl"));
    }
  }
}

TEST(RobustRuns, WhatIsWrongInTheDataLeavesTheNameFree) {
  std::string rows = read_text(write_rows("whole.jsonl", {}));
  const fs::path data = workshop() / "typo.jsonl";
  const fs::path run = workshop() / "typo";
  const fs::path recipe = write_recipe(run, recipe_of(data, 45));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = rows;
    const size_t at = changed.rfind(from);  // a row that is read late
    changed.replace(at, from.size(), to);
    return changed;
  };
  const std::vector<std::pair<std::string, std::string>> wrongs = {
      {with("\"assistant\"", "\"asistant\""), "typo.jsonl:40: "},
      {with("{\"messages\"", "{\"mesages\""), "typo.jsonl:40: "},
      {with("green.ppm", "gren.ppm"), "gren.ppm"},
      {with("<image>", "<image><image>"), "typo.jsonl:40: "},
  };
  for (const auto& [text, message] : wrongs) {
    std::ofstream(data) << text;
    const Outcome outcome = train(recipe);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
    EXPECT_TRUE(contains(outcome.output, message)) << outcome.output;
    EXPECT_TRUE(contains(outcome.output, "1 of 40 rows are broken")) << outcome.output;
    EXPECT_FALSE(fs::exists(run)) << message;
  }
  std::ofstream(data) << rows;
  EXPECT_EQ(train(recipe).exit_code, 0);
}

TEST(RobustRuns, ARunThatEndsBeforeItsFirstStepLeavesTheNameFree) {
  const fs::path data =
      write_rows("all-broken.jsonl",
                 {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                  20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39});
  const fs::path run = workshop() / "first-step";
  const fs::path recipe = write_recipe(run, recipe_of(data, 3));
  const Outcome stop = train(recipe);
  EXPECT_EQ(stop.exit_code, 1);
  EXPECT_TRUE(contains(stop.output, "all-broken.jsonl:")) << stop.output;
  write_rows("all-broken.jsonl", {});
  const Outcome again = train(recipe);
  EXPECT_EQ(again.exit_code, 0) << again.output;
  const auto events = std::count_if(fs::directory_iterator(run), {}, [](const auto& entry) {
    return entry.path().filename().string().starts_with("events.");
  });
  EXPECT_EQ(events, 1);
}

TEST(RobustRuns, AValidationThatBreaksIsToldAndCostsNothing) {
  const fs::path data = write_rows("whole.jsonl", {});
  fs::copy_file(workshop() / "red.ppm", workshop() / "passing.ppm",
                fs::copy_options::overwrite_existing);
  std::ofstream(workshop() / "passing.jsonl") << row("passing.ppm", 1);
  const fs::path run = workshop() / "breaks";
  const fs::path recipe = write_recipe(
      run,
      recipe_of(data, 30, "validation: {path: " + (workshop() / "passing.jsonl").string() + "}\n"));
  RunningProgram program(train_command(recipe, {}), {}, workshop() / "breaks.log");
  ASSERT_TRUE(wait_until([&] { return !losses_of(run).empty(); })) << program.output();
  fs::remove(workshop() / "passing.ppm");
  EXPECT_EQ(program.wait(), 1) << program.output();
  EXPECT_TRUE(contains(program.output(), "validation at step 30 failed: ")) << program.output();
  EXPECT_TRUE(contains(program.output(), "passing.ppm")) << program.output();
  EXPECT_TRUE(fs::exists(run / "model" / "model.safetensors"));
  EXPECT_TRUE(fs::exists(run / "checkpoint-30"));
  EXPECT_EQ(losses_of(run).size(), 30U);
}

TEST(RobustRuns, ASignalDuringValidationSavesWithoutWaitingForItsEnd) {
  const fs::path data = write_rows("whole.jsonl", {});
  const fs::path many = workshop() / "many.jsonl";
  {
    std::ofstream file(many);
    for (int i = 0; i < 3000; ++i) file << row("red.ppm", i);
  }
  const fs::path run = workshop() / "signal";
  const fs::path recipe = write_recipe(
      run, recipe_of(data, 500, "validation: {path: " + many.string() + ", every: 1}\n"));
  RunningProgram program(train_command(recipe, {}), {}, workshop() / "signal.log");
  ASSERT_TRUE(wait_until([&] { return losses_of(run).size() == 1; })) << program.output();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(20), 128 + SIGTERM) << program.output();
  EXPECT_EQ(read_text(run / "last"), "checkpoint-1\n");
  EXPECT_FALSE(contains(read_text(run / "metrics.jsonl"), "validation_loss"));
}

TEST(RobustRuns, MetricsThatCannotBeWrittenCostNothing) {
  const fs::path run = workshop() / "full";
  fs::create_directories(run);
  fs::create_symlink("/dev/full", run / "metrics.jsonl");
  const fs::path recipe = write_recipe(run, recipe_of(write_rows("whole.jsonl", {}), 3));
  const Outcome outcome = train(recipe, {"--resume"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "writing metrics failed (3 times)")) << outcome.output;
  EXPECT_TRUE(fs::exists(run / "model" / "model.safetensors"));
  EXPECT_TRUE(fs::exists(run / "checkpoint-3"));
}

TEST(RobustRuns, ADiskThatIsFullDoesNotEndTheRun) {
  const fs::path run = workshop() / "blocked";
  const fs::path recipe = write_recipe(
      run, recipe_of(write_rows("whole.jsonl", {}), 6,
                     "feature_folder: " + (workshop() / "few-features").string() + "\n"));
  // Files of more than a few blocks can't be written: no weights, but metrics.
  std::vector<std::string> command = {"/bin/sh", "-c", "ulimit -f 16; exec \"$@\"", "sh"};
  for (const std::string& word : train_command(recipe, {"--set", "save_every=3"})) {
    command.push_back(word);
  }
  RunningProgram program(command, {}, workshop() / "blocked.log");
  EXPECT_EQ(program.wait(), 1);
  const std::string told = program.output();
  EXPECT_EQ(losses_of(run).size(), 6U) << told;
  EXPECT_TRUE(contains(told, "warning: saving step 3 failed: ")) << told;
  EXPECT_TRUE(contains(told, "no more features are kept")) << told;
  EXPECT_TRUE(contains(told, "the run has ended, but saving step 3 failed")) << told;
  EXPECT_TRUE(contains(told, "writing the model failed")) << told;
  EXPECT_FALSE(fs::exists(run / "model"));
}

TEST(RobustRuns, ABrokenMediumSavesFirstAndMayBeLeftOutAfterwards) {
  const fs::path data = write_rows("broken.jsonl", {11, 30});
  const std::string recipe = recipe_of(data, 50);
  const fs::path stopped = workshop() / "stopped";
  const Outcome stop = train(write_recipe(stopped, recipe));
  EXPECT_EQ(stop.exit_code, 1);
  EXPECT_TRUE(contains(stop.output, "broken.jsonl:12: images[0]: ") ||
              contains(stop.output, "broken.jsonl:31: images[0]: "))
      << stop.output;
  const size_t steps = losses_of(stopped).size();
  ASSERT_GE(steps, 1U) << stop.output;
  EXPECT_TRUE(contains(stop.output, "step " + std::to_string(steps) + " is saved"));
  EXPECT_EQ(read_text(stopped / "last"), "checkpoint-" + std::to_string(steps) + "\n");

  // Going on without it is going on as a run that left it out from the beginning.
  const Outcome gone_on =
      train(stopped.string() + ".yaml", {"--resume", "--set", "on_broken=skip"});
  EXPECT_EQ(gone_on.exit_code, 0) << gone_on.output;
  EXPECT_TRUE(contains(gone_on.output, "left out: ")) << gone_on.output;
  EXPECT_TRUE(contains(gone_on.output, "samples left out because they are broken: "));
  const fs::path skipping = workshop() / "skipping";
  const Outcome skip = train(write_recipe(skipping, recipe + "on_broken: skip\n"));
  EXPECT_EQ(skip.exit_code, 0) << skip.output;
  EXPECT_EQ(losses_of(stopped), losses_of(skipping));
  EXPECT_EQ(read_text(stopped / "model" / "model.safetensors"),
            read_text(skipping / "model" / "model.safetensors"));

  const Outcome few = train(write_recipe(workshop() / "few", recipe + "on_broken: skip\n"),
                            {"--set", "max_broken=0.01"});
  EXPECT_EQ(few.exit_code, 1);
  EXPECT_TRUE(contains(few.output, "more than max_broken (0.01) allows")) << few.output;
}

TEST(RobustRuns, ADryRunDecodesAllThatTrainingWill) {
  const fs::path run = workshop() / "dry-broken";
  const fs::path recipe = write_recipe(run, recipe_of(write_rows("broken.jsonl", {11, 30}), 5));
  const Outcome decoded = train(recipe, {"--dry-run"});
  EXPECT_EQ(decoded.exit_code, 1);
  EXPECT_TRUE(contains(decoded.output, "broken.jsonl:12: images[0]: ")) << decoded.output;
  EXPECT_TRUE(contains(decoded.output, "2 of 40 rows are broken")) << decoded.output;
  EXPECT_EQ(train(recipe, {"--dry-run", "--quick"}).exit_code, 0);
  EXPECT_EQ(train(recipe, {"--dry-run", "--set", "on_broken=skip"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(run));
}

TEST(RobustRuns, GoOnFromTheNewestWholeCheckpoint) {
  const fs::path run = workshop() / "newest";
  const fs::path recipe =
      write_recipe(run, recipe_of(write_rows("whole.jsonl", {}), 6, "keep: 0\n"));
  ASSERT_EQ(train(recipe, {"--set", "save_every=2"}).exit_code, 0);
  const std::vector<double> losses = losses_of(run);
  const auto resume = [&] { return train(recipe, {"--resume"}); };

  fs::remove(run / "last");
  EXPECT_TRUE(contains(resume().output, "going on from " + (run / "checkpoint-6").string()));
  std::ofstream(run / "last") << "checkpoint-77\n";
  EXPECT_TRUE(contains(resume().output, "going on from " + (run / "checkpoint-6").string()));

  // Cut short as by a copy that ended early: the values, then the state.
  fs::resize_file(run / "checkpoint-6" / "trainer_state" / "shard-0-of-1.safetensors", 1000);
  fs::resize_file(run / "checkpoint-4" / "trainer_state" / "state.json", 50);
  const Outcome fallen_back = resume();
  EXPECT_EQ(fallen_back.exit_code, 0) << fallen_back.output;
  EXPECT_TRUE(contains(fallen_back.output, "checkpoint-6")) << fallen_back.output;
  EXPECT_TRUE(contains(fallen_back.output, "going on from " + (run / "checkpoint-2").string()))
      << fallen_back.output;
  EXPECT_EQ(losses_of(run), losses);

  for (const int step : {2, 4, 6}) {
    fs::remove_all(run / ("checkpoint-" + std::to_string(step)) / "trainer_state");
  }
  const Outcome none = resume();
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(lines_in(none.output), 1U) << none.output;
  EXPECT_TRUE(contains(none.output, "no checkpoint is whole")) << none.output;
}

TEST(RobustRuns, AChangedKeyIsNamedWithBothValues) {
  const fs::path run = workshop() / "rank";
  const fs::path recipe = write_recipe(
      run, "model: " + (workshop() / "base").string() +
               "\ncut: false\ndata: " + write_rows("whole.jsonl", {}).string() +
               "\nbatch: {rows: 1, tokens: 160}\nsteps: 2\nlora: {rank: 2, dropout: 0}\n");
  ASSERT_EQ(train(recipe).exit_code, 0);
  const auto error_of = [&](const std::string& assignment) {
    const Outcome outcome = train(recipe, {"--resume", "--set", assignment});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
    EXPECT_EQ(lines_in(outcome.output), 1U) << outcome.output;
    return outcome.output;
  };
  EXPECT_TRUE(contains(error_of("lora.rank=4"), "lora.rank was 2 when the run began and is 4 now"));
  EXPECT_TRUE(contains(error_of("lora.alpha=8"), "lora.alpha was 32.0"));
  EXPECT_TRUE(contains(error_of("batch.tokens=200"), "batch.tokens was 160"));
  EXPECT_TRUE(contains(error_of("seed=8"), "seed was 7"));
}

TEST(RobustRuns, ReorderedDataAreNoticed) {
  const fs::path run = workshop() / "reordered";
  const fs::path data = write_rows("reordered.jsonl", {});
  const fs::path recipe = write_recipe(run, recipe_of(data, 4));
  ASSERT_EQ(train(recipe).exit_code, 0);
  std::string rows = read_text(data);
  const size_t line = rows.find('\n') + 1;
  std::ofstream(data) << rows.substr(line) << rows.substr(0, line);
  const Outcome outcome = train(recipe, {"--resume", "--set", "steps=8"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(lines_in(outcome.output), 1U) << outcome.output;
  EXPECT_TRUE(contains(outcome.output, "reordered.jsonl has changed since")) << outcome.output;
  EXPECT_EQ(train(recipe, {"--resume", "--dry-run"}).exit_code, 1);
}

/// Two processes of one run, to their ends.
std::vector<Outcome> train_pair(const fs::path& recipe) {
  const int port = free_port();
  std::vector<std::unique_ptr<RunningProgram>> pair;
  for (int rank = 0; rank < 2; ++rank) {
    pair.push_back(std::make_unique<RunningProgram>(
        train_command(recipe, {}), torchrun_environment(rank, 2, port),
        recipe.string() + "." + std::to_string(rank) + ".log"));
  }
  std::vector<Outcome> outcomes;
  for (const auto& process : pair) {
    const int exit_code = process->wait();
    outcomes.push_back({exit_code, process->output()});
  }
  return outcomes;
}

TEST(RobustRuns, ProcessesAgreeOnWhatIsBroken) {
  const fs::path data = write_rows("broken.jsonl", {11, 30});
  const auto rows = [&](int count) {
    std::string recipe = recipe_of(data, 25, "on_broken: skip\n");
    recipe.replace(recipe.find("rows: 1"), 7, "rows: " + std::to_string(count));
    return recipe;
  };
  const fs::path one = workshop() / "skip-one";
  const Outcome alone = train(write_recipe(one, rows(2)));
  EXPECT_EQ(alone.exit_code, 0) << alone.output;
  const fs::path two = workshop() / "skip-two";
  const std::vector<Outcome> pair = train_pair(write_recipe(two, rows(1)));
  for (const Outcome& outcome : pair) EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const auto losses = losses_of(one);
  const auto of_two = losses_of(two);
  ASSERT_EQ(of_two.size(), losses.size());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(of_two[i], losses[i], 2e-4 * losses[i]);
  EXPECT_TRUE(contains(pair[0].output, "samples left out because")) << pair[0].output;

  const fs::path stopped = workshop() / "stop-two";
  std::string recipe = rows(1);
  recipe.erase(recipe.find("on_broken: skip\n"), 16);
  const std::vector<Outcome> ended = train_pair(write_recipe(stopped, recipe));
  for (const Outcome& outcome : ended) EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  const std::string told = ended[0].output + ended[1].output;
  EXPECT_TRUE(contains(told, "images[0]: ")) << told;
  EXPECT_TRUE(contains(told, "another process could not make step")) << told;
  EXPECT_EQ(read_text(stopped / "last"),
            "checkpoint-" + std::to_string(losses_of(stopped).size()) + "\n");
}

}  // namespace
}  // namespace owl3::test
