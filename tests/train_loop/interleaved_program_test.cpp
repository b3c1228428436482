// The ablation through the programs: a model without hyper layers is trained, asked by the trainer,
// and refused by the engine.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "train_process.h"

namespace owl3::test {
namespace {

namespace fs = std::filesystem;

Outcome owl3(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), OWL3_PROGRAM);
  RunningProgram program(arguments, {}, workshop() / "owl3.log");
  const int exit_code = program.wait();
  return {exit_code, program.output()};
}

/// A picture in the row itself.
constexpr const char* kDot =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4"
    "z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC";

/// A question of four askings about one of two pictures.
fs::path write_questions() {
  const fs::path path = workshop() / "questions.jsonl";
  std::ofstream file(path);
  std::vector<std::string> options = {"red", "green", "blue", "white"};
  for (int rotation = 0; rotation < 4; ++rotation) {
    const nlohmann::json row = {
        {"messages",
         {{{"role", "user"},
           {"content", "<image>1<image>2\nWhich colour is image 1: " + options[0] + ", " +
                           options[1] + ", " + options[2] + " or " + options[3] + "?"}},
          {{"role", "assistant"}, {"content", "Image 1 is red."}}}},
        {"images", {"red.ppm", kDot}},
        {"answers", {"red"}},
        {"options", options},
        {"distractors", 1},
        {"by", "number"},
        {"group", 0}};
    file << row.dump() << "\n";
    std::rotate(options.begin(), options.begin() + 1, options.end());
  }
  return path;
}

TEST(Interleaved, IsTrainedAndAskedByTheTrainerAndRefusedByTheEngine) {
  auto config = nlohmann::json::parse(read_text(workshop() / "base" / "config.json"));
  config["hyper_layers"] = nlohmann::json::array();
  const fs::path run = workshop() / "interleaved";
  const std::string recipe =
      "init:\n  variant: unified\n  tokenizer: " + (workshop() / "base").string() +
      "\n  config: " + config.dump() + "\ntrainable: [projector, decoder, embeddings]\ndata: " +
      (workshop() / "data.jsonl").string() +
      "\nbatch: {rows: 2, tokens: 160}\ncut: false\nsteps: 12\n";
  const Outcome trained = train(write_recipe(run, recipe));
  ASSERT_EQ(trained.exit_code, 0) << trained.output;
  const auto losses = losses_of(run);
  EXPECT_LT(losses.back(), 0.8 * losses.front());

  const std::string model = (run / "model").string();
  const std::string questions = write_questions().string();
  const Outcome asked = owl3({"inspect", "distractors", model, "--data", questions, "--json"});
  ASSERT_EQ(asked.exit_code, 0) << asked.output;
  const auto cells = nlohmann::json::parse(asked.output).at("cells");
  ASSERT_EQ(cells.size(), 1U);
  EXPECT_EQ(cells[0].at("asks"), 4);

  const Outcome refused = owl3({"eval", "distractors", model, "--data", questions});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.output.find("hyper_layers"), std::string::npos) << refused.output;
}

TEST(Interleaved, TheTrainerAsksModelsWithHyperLayersToo) {
  const std::string model = (workshop() / "base").string();
  const Outcome asked =
      owl3({"inspect", "distractors", model, "--data", write_questions().string()});
  EXPECT_EQ(asked.exit_code, 0) << asked.output;
  EXPECT_NE(asked.output.find("LibTorch"), std::string::npos) << asked.output;
  // It scores by words, in float32: what it would ignore it refuses.
  const Outcome ignored = owl3({"inspect", "distractors", model, "--data",
                                write_questions().string(), "--score", "likelihood"});
  EXPECT_EQ(ignored.exit_code, 2) << ignored.output;
}

}  // namespace
}  // namespace owl3::test
