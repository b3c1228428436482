// --lora of owl3 chat and owl3 convert, through the program.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/adapter_files.h"
#include "run_program.h"

namespace owl3::test {

namespace {

using Words = std::vector<std::string>;

const std::string kPhoto = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";

/// An adapter for all linear layers of the tiny checkpoint.
std::string adapter(const std::string& name = "adapter") {
  const std::filesystem::path folder = scratch_folder() / name;
  write_adapter(folder, linear_layers(Checkpoint::open(tiny_checkpoint())));
  return folder.string();
}

/// The tokens of a greedy answer, float32 so that it does not hang on roundings.
Outcome chat(const std::string& model, const Words& more) {
  Words words = {
      "chat",        model,     "-t",      "1",    "--max-new-tokens", "12", "--greedy",
      "--precision", "float32", "--image", kPhoto, "--no-cut",         "-p", "What is this?"};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words);
}

void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
}

TEST(Lora, ChangesTheAnswersByItsScale) {
  const Outcome plain = chat(tiny_checkpoint(), {});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  const Outcome adapted = chat(tiny_checkpoint(), {"--lora", adapter()});
  EXPECT_EQ(adapted.exit_code, 0) << adapted.err;
  EXPECT_NE(adapted.out, plain.out);
  EXPECT_EQ(chat(tiny_checkpoint(), {"--lora", adapter() + "=0"}).out, plain.out);
  // Two halves are a whole, and a folder may have a '=' in its name.
  const std::string half = adapter("a=b") + "=0.5";
  EXPECT_EQ(chat(tiny_checkpoint(), {"--lora", half, "--lora", half}).out, adapted.out);
  EXPECT_EQ(chat(tiny_checkpoint(), {"--lora", adapter("a=b")}).out, adapted.out);
}

TEST(Lora, IsMergedByConvert) {
  const std::string out = (scratch_folder() / "merged.gguf").string();
  const Outcome converted = run_owl3({"convert", tiny_checkpoint(), out, "--type", "bf16", "--keep",
                                      "*=f32", "-t", "1", "--lora", adapter()});
  ASSERT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_EQ(chat(out, {}).out, chat(tiny_checkpoint(), {"--lora", adapter()}).out);
}

TEST(Lora, LiesOverQuantisedWeights) {
  const std::string out = (scratch_folder() / "base-q8_0.gguf").string();
  ASSERT_EQ(run_owl3({"convert", tiny_checkpoint(), out, "--type", "q8_0"}).exit_code, 0);
  EXPECT_NE(chat(out, {"--lora", adapter()}).out, chat(out, {}).out);
}

TEST(Lora, ThatCannotBeIsToldInOneLine) {
  expect_refusal(chat(tiny_checkpoint(), {"--lora", "/no/such/adapter"}), 1, "/no/such/adapter");
  expect_refusal(chat(tiny_checkpoint(), {"--lora", adapter() + "=much"}), 2,
                 "\"much\" is no scale");
  const std::filesystem::path foreign = scratch_folder() / "foreign";
  write_adapter(foreign, {{"language_model.model.layers.0.self_attn.q_proj", 64, 64}});
  expect_refusal(chat(tiny_checkpoint(), {"--lora", foreign.string()}), 1,
                 "q_proj.lora_A.weight\" has shape [4, 64], but this model takes [4, 128]");
  const std::string out = (scratch_folder() / "never-merged.gguf").string();
  expect_refusal(
      run_owl3({"convert", tiny_checkpoint(), out, "--type", "q8_0", "--lora", foreign.string()}),
      1, "q_proj.lora_A.weight\" has shape");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Lora, OfAnotherMethodIsToldInOneLine) {
  const std::vector<AdaptedLayer> layer = {
      {"language_model.model.layers.0.self_attn.q_proj", 128, 128}};
  const std::filesystem::path folder = scratch_folder() / "other-method";
  write_adapter(folder, layer, {.more = R"(, "init_lora_weights": "pissa")"});
  expect_refusal(chat(tiny_checkpoint(), {"--lora", folder.string()}), 1,
                 "init_lora_weights is \"pissa\"");
  write_adapter(folder, layer);
  EXPECT_EQ(chat(tiny_checkpoint(), {"--lora", folder.string()}).exit_code, 0);
  std::ofstream(folder / "vit.safetensors") << "weights";
  expect_refusal(chat(tiny_checkpoint(), {"--lora", folder.string()}), 1, "vit.safetensors: ");
}

TEST(Lora, EncodesASavedConversationsImagesAnew) {
  const std::string file = (scratch_folder() / "adapted-talk.json").string();
  const Words tiny = {"chat", tiny_checkpoint(), "-t", "1", "--max-new-tokens", "4", "--greedy"};
  Words first = tiny;
  first.insert(first.end(), {"--lora", adapter(), "--image", kPhoto, "--no-cut"});
  ASSERT_EQ(run_owl3(first, {.input = "What is it?\n/save " + file + "\n"}).exit_code, 0);
  Words second = tiny;
  second.push_back("--json");
  const Outcome loaded = run_owl3(second, {.input = "/load " + file + "\nAnd then?\n"});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  const std::string answer = loaded.out.substr(loaded.out.find('\n') + 1);  // behind /load's object
  EXPECT_EQ(nlohmann::json::parse(answer).at("images_encoded"), 1);
}

}  // namespace

}  // namespace owl3::test
