// owl3 train through the program: what it writes, how it goes on, how it ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "train_process.h"

namespace owl3::test {
namespace {

namespace fs = std::filesystem;

std::string language(int steps) {
  return "model: " + (workshop() / "base").string() + "\n" +
         "trainable: [projector, hyper, decoder]\n"
         "data: " +
         (workshop() / "data.jsonl").string() + "\n" +
         "batch: {rows: 2, accumulate: 2, tokens: 160}\n"
         "cut: false\n"
         "steps: " +
         std::to_string(steps) + "\n";
}

bool is_one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.back() == '\n';
}

TEST(TrainProgram, LearnsAndLeavesAModelThatRuns) {
  const fs::path run = workshop() / "learns";
  const Outcome outcome =
      train(write_recipe(run, language(12) + "validation: {path: " +
                                  (workshop() / "data.jsonl").string() + ", every: 6}\nkeep: 1\n"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  const auto losses = losses_of(run);
  ASSERT_EQ(losses.size(), 12U);
  EXPECT_LT(losses.back(), 0.8 * losses.front());
  EXPECT_NE(read_text(run / "metrics.jsonl").find("\"validation_loss\""), std::string::npos);
  EXPECT_NE(outcome.output.find("step 12/12  loss"), std::string::npos) << outcome.output;
  EXPECT_EQ(read_text(run / "last"), "checkpoint-12\n");
  EXPECT_TRUE(fs::exists(run / "recipe.yaml"));
  RunningProgram chat(
      {OWL3_PROGRAM, "chat", (run / "model").string(), "--image", (workshop() / "red.ppm").string(),
       "-p", "Which colours?", "--max-new-tokens", "3"},
      {}, workshop() / "chat.log");
  EXPECT_EQ(chat.wait(), 0) << chat.output();
}

TEST(TrainProgram, KilledAtAnyMomentGoesOnWithTheSameLosses) {
  const fs::path whole = workshop() / "whole";
  const fs::path killed = workshop() / "killed";
  const std::string recipe =
      language(10) + "save_every: 3\nlora: {rank: 2, dropout: 0.3, merge: true}\n";
  ASSERT_EQ(train(write_recipe(whole, recipe)).exit_code, 0);
  write_recipe(killed, recipe);
  const fs::path path = killed.string() + ".yaml";
  // In the first steps, right after a checkpoint, and between two.
  for (const size_t steps : {1U, 3U, 8U}) {
    RunningProgram program(train_command(path, {"--resume"}), {}, workshop() / "killed.log");
    ASSERT_TRUE(
        wait_until([&] { return losses_of(killed).size() >= steps || !program.running(); }));
    program.signal(SIGKILL);
    ASSERT_EQ(program.wait(), 128 + SIGKILL) << program.output();
  }
  const Outcome last = train(path, {"--resume"});
  ASSERT_EQ(last.exit_code, 0) << last.output;
  EXPECT_EQ(losses_of(killed), losses_of(whole));  // bit for bit
  EXPECT_EQ(read_text(killed / "model" / "model.safetensors"),
            read_text(whole / "model" / "model.safetensors"));
}

TEST(TrainProgram, AskedToEndSavesAndEndsCleanly) {
  const fs::path run = workshop() / "asked";
  const fs::path recipe = write_recipe(run, language(500) + "save_every: 0\n");
  RunningProgram program(train_command(recipe, {}), {}, workshop() / "asked.log");
  ASSERT_TRUE(wait_until([&] { return losses_of(run).size() >= 2; })) << program.output();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM) << program.output();
  const size_t steps = losses_of(run).size();
  EXPECT_EQ(read_text(run / "last"), "checkpoint-" + std::to_string(steps) + "\n");
  EXPECT_NE(program.output().find("owl3: interrupted; step " + std::to_string(steps) +
                                  " is saved: go on with owl3 train " + run.string() + " --resume"),
            std::string::npos)
      << program.output();
  EXPECT_NE(program.output().find("owl3: the run ends as soon as it can and saves"),
            std::string::npos)
      << program.output();
}

TEST(TrainProgram, AskedToEndInTheMidstOfALongStepDoesNotFinishIt) {
  const fs::path run = workshop() / "long-step";
  const fs::path recipe = write_recipe(run, language(3) + "save_every: 0\n");
  RunningProgram program(
      train_command(recipe, {"--set", "batch.accumulate=1500", "--set", "cache_features=off"}), {},
      workshop() / "long-step.log");
  ASSERT_TRUE(wait_until([&] {
    return program.output().find("images are encoded when they are first met") != std::string::npos;
  })) << program.output();
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(30), 128 + SIGINT) << program.output();
  EXPECT_NE(program.output().find("interrupted in the first step"), std::string::npos)
      << program.output();
  EXPECT_FALSE(fs::exists(run / "model"));
}

/// Few rows, several to a row of a step, as one who fine-tunes for the first time would have it.
std::string few_rows(int epochs) {
  return "model: " + (workshop() / "base").string() +
         "\ntrainable: [projector, hyper]\ndata: " + (workshop() / "data.jsonl").string() +
         "\nbatch: {rows: 1, accumulate: 2, tokens: 160}\ncut: false\nepochs: " +
         std::to_string(epochs) + "\n";
}

TEST(TrainProgram, SaysHowManyStepsTheDataMakeAndMakesAsMany) {
  const fs::path run = workshop() / "counted";
  const fs::path recipe = write_recipe(run, few_rows(2));
  const Outcome dry = train(recipe, {"--dry-run"});
  const Outcome outcome = train(recipe);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  const size_t steps = losses_of(run).size();
  const std::string length = "2 epochs, " + std::to_string(steps) + " step";
  EXPECT_NE(outcome.output.find("12 samples an epoch; " + length), std::string::npos)
      << outcome.output;
  EXPECT_NE(dry.output.find(length), std::string::npos) << dry.output;
  for (const std::string& told : {dry.output, outcome.output}) {
    EXPECT_NE(told.find("warning: " + std::to_string(steps) + " step"), std::string::npos) << told;
    EXPECT_NE(told.find("recipes/small.yaml"), std::string::npos) << told;
  }
  const Outcome enough = train(recipe, {"--dry-run", "--set", "epochs=100"});
  EXPECT_EQ(enough.output.find("next to nothing"), std::string::npos) << enough.output;
}

TEST(TrainProgram, TellsOfQuestionsThatChatWouldPutOtherwiseAndPutsThemAsChatWhenAsked) {
  const std::string picture = std::string(OWL3_SOURCE_DIR) + "/demo/friends/owl-01.png";
  const auto losses = [&](const std::string& name, const std::string& question,
                          const std::string& newlines, std::string& told) {
    const fs::path data = workshop() / (name + ".jsonl");
    std::ofstream(data) << R"({"query":")" << question << R"(","response":"Momo","image":")"
                        << picture << "\"}\n";
    const fs::path run = workshop() / name;
    const fs::path recipe =
        write_recipe(run, "model: " + (workshop() / "base").string() +
                              "\ntrainable: [hyper]\ncut: false\ndata: " + data.string() +
                              "\nbatch: {tokens: 160}\nsteps: 2\n");
    const std::string setting = "sample.newline_after_media=" + newlines;
    told = train(recipe, {"--dry-run", "--set", setting}).output;
    const Outcome outcome = train(recipe, {"--set", setting});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    const auto warned = [](const std::string& text) {
      return text.find("1 of 1 rows that begin with media have no newline") != std::string::npos;
    };
    EXPECT_EQ(warned(told), warned(outcome.output)) << told << outcome.output;
    told = warned(told) ? "warned" : "";
    return losses_of(run);
  };
  std::string told;
  const auto as_chat = losses("as-chat", R"(<image>\nWho?)", "auto", told);
  EXPECT_EQ(told, "");
  EXPECT_EQ(losses("joined-auto", "<image>Who?", "auto", told), as_chat);
  EXPECT_EQ(told, "");
  EXPECT_NE(losses("joined", "<image>Who?", "false", told), as_chat);
  EXPECT_EQ(told, "warned");
}

TEST(TrainProgram, LogsTheFirstStepAndTheLast) {
  for (const std::string assignment : {"epochs=5", "epochs=40"}) {
    const fs::path run = workshop() / ("logged-" + assignment);
    const Outcome outcome =
        train(write_recipe(run, few_rows(1)), {"--set", assignment, "--set", "log_every=1000"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_EQ(losses_of(run).size(), 2U) << outcome.output;
    EXPECT_NE(outcome.output.find("step 1/"), std::string::npos) << outcome.output;
    const std::string last = read_text(run / "last").substr(std::string("checkpoint-").size());
    const std::string steps = last.substr(0, last.size() - 1);
    EXPECT_NE(outcome.output.find("step " + steps + "/" + steps + "  loss"), std::string::npos)
        << outcome.output;
  }
}

TEST(TrainProgram, PairsThatFillNoStepAreRefused) {
  const auto config = nlohmann::json::parse(read_text(workshop() / "base" / "config.json"));
  const fs::path run = workshop() / "no-step";
  const Outcome outcome =
      train(write_recipe(run, "task: siglip\ninit:\n  variant: gated\n  tokenizer: " +
                                  (workshop() / "base").string() + "\n  config: " + config.dump() +
                                  "\ntext_tower: {hidden_size: 32, intermediate_size: 64}\ndata: " +
                                  (workshop() / "pairs.jsonl").string() +
                                  "\nbatch: {rows: 3, accumulate: 2}\nepochs: 1\n"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.output)) << outcome.output;
  EXPECT_NE(outcome.output.find("4 rows in 1 epochs fill no step of 6"), std::string::npos)
      << outcome.output;
  EXPECT_FALSE(fs::exists(run));
}

TEST(TrainProgram, ResumesOnlyTheSameRun) {
  const fs::path run = workshop() / "same";
  const fs::path recipe = write_recipe(run, language(2));
  ASSERT_EQ(train(recipe).exit_code, 0);
  const Outcome again = train(recipe);
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_TRUE(is_one_line(again.output)) << again.output;
  EXPECT_NE(again.output.find("--resume"), std::string::npos) << again.output;
  const Outcome other = train(recipe, {"--resume", "--set", "clip_norm=0.5"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_TRUE(is_one_line(other.output)) << other.output;
  EXPECT_NE(other.output.find("clip_norm was 1.0"), std::string::npos) << other.output;
  const Outcome longer = train(recipe, {"--resume", "--set", "steps=4"});
  EXPECT_EQ(longer.exit_code, 0) << longer.output;
  EXPECT_EQ(losses_of(run).size(), 4U);
}

TEST(TrainProgram, ALossThatIsNoNumberEndsTheRunClearly) {
  const fs::path run = workshop() / "nan";
  const Outcome outcome = train(write_recipe(run, language(50)),
                                {"--set", "learning_rate={max: 100}", "--set", "clip_norm=0",
                                 "--set", "optimizer={eps: 1e-20, weight_decay: 10}"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_NE(outcome.output.find("training has failed: 5 steps in a row"), std::string::npos)
      << outcome.output;
}

TEST(TrainProgram, LeavesAnAdapterWhereItIsNotMerged) {
  const fs::path run = workshop() / "adapter";
  const std::string recipe = "model: " + (workshop() / "base").string() +
                             "\ndata: " + (workshop() / "data.jsonl").string() +
                             "\nbatch: {rows: 2, tokens: 160}\ncut: false\nepochs: 2\n"
                             "lora: {rank: 4, dropout: 0}\n";
  const Outcome outcome = train(write_recipe(run, recipe));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_TRUE(fs::exists(run / "model" / "adapter_model.safetensors"));
  EXPECT_FALSE(fs::exists(run / "model" / "model.safetensors"));
  RunningProgram chat({OWL3_PROGRAM, "chat", (workshop() / "base").string(), "--lora",
                       (run / "model").string(), "-p", "Hi", "--max-new-tokens", "2"},
                      {}, workshop() / "chat.log");
  EXPECT_EQ(chat.wait(), 0) << chat.output();
}

TEST(TrainProgram, FeaturesFromTheCacheChangeNothing) {
  const fs::path cached = workshop() / "cached";
  const fs::path plain = workshop() / "plain";
  const std::string folder = "feature_folder: " + (workshop() / "kept-features").string() + "\n";
  ASSERT_EQ(train(write_recipe(plain, language(4) + "cache_features: off\n")).exit_code, 0);
  std::vector<std::vector<double>> losses;
  for (int i = 0; i < 2; ++i) {  // filled, then read
    fs::remove_all(cached);
    ASSERT_EQ(train(write_recipe(cached, language(4) + folder)).exit_code, 0);
    losses.push_back(losses_of(cached));
  }
  EXPECT_EQ(losses[0], losses[1]);
  // Without a cache an image is encoded again, beside others each time, and a BLAS may add up in
  // another order then: the last bits of losses near 5.
  const std::vector<double> plain_losses = losses_of(plain);
  ASSERT_EQ(losses[0].size(), plain_losses.size());
  for (size_t step = 0; step < plain_losses.size(); ++step) {
    EXPECT_NEAR(losses[0][step], plain_losses[step], 1e-6 * plain_losses[step]) << step;
  }
  EXPECT_TRUE(fs::exists(workshop() / "kept-features"));
}

TEST(TrainProgram, PreTrainsAVisionEncoderThatANewModelTakes) {
  const auto config = nlohmann::json::parse(read_text(workshop() / "base" / "config.json"));
  const std::string init =
      "init:\n  variant: gated\n  tokenizer: " + (workshop() / "base").string() +
      "\n  config: " + config.dump() + "\n";
  const fs::path vision = workshop() / "vision";
  const Outcome siglip = train(write_recipe(
      vision, "task: siglip\n" + init + "text_tower: {hidden_size: 32, intermediate_size: 64}\n" +
                  "data: " + (workshop() / "pairs.jsonl").string() +
                  "\nbatch: {rows: 4}\nsteps: 8\nvalidation: {path: " +
                  (workshop() / "pairs.jsonl").string() + "}\n"));
  ASSERT_EQ(siglip.exit_code, 0) << siglip.output;
  const auto losses = losses_of(vision);
  EXPECT_LT(losses.back(), losses.front());
  EXPECT_NE(read_text(vision / "metrics.jsonl").find("validation_accuracy"), std::string::npos);
  const fs::path run = workshop() / "new";
  const Outcome fresh = train(write_recipe(
      run, init + "  vision: " + (vision / "model").string() +
               "\ntrainable: [projector, hyper, decoder, embeddings]\ndata: " +
               (workshop() / "data.jsonl").string() +
               "\nbatch: {rows: 1, tokens: 160}\ncut: false\nsteps: 2\nprecision: bf16\n"
               "gradient_checkpointing: true\n"));
  EXPECT_EQ(fresh.exit_code, 0) << fresh.output;
}

TEST(TrainProgram, DryRunWritesNothing) {
  const fs::path run = workshop() / "dry";
  const Outcome outcome = train(write_recipe(run, language(5)), {"--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("12 samples an epoch"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find(" per process: "), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find(" model, "), std::string::npos) << "the frozen parts, too";
  EXPECT_FALSE(fs::exists(run));
}

TEST(TrainProgram, RefusesWrongRecipesInOneLine) {
  const fs::path run = workshop() / "wrong";
  const Outcome key = train(write_recipe(run, language(5) + "stepz: 3\n"));
  EXPECT_EQ(key.exit_code, 1);
  EXPECT_TRUE(is_one_line(key.output)) << key.output;
  EXPECT_NE(key.output.find("unknown key stepz"), std::string::npos) << key.output;
  const Outcome option = train(workshop() / "none.yaml", {"--steps", "200"});
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_NE(option.output.find("not expected: --steps 200; keys of the recipe go with --set: "
                               "--set steps=200"),
            std::string::npos)
      << option.output;
  const Outcome nothing = train(workshop() / "none.yaml");
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_TRUE(is_one_line(nothing.output)) << nothing.output;
}

}  // namespace
}  // namespace owl3::test
