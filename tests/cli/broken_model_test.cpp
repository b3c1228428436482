// Models that are broken, odd, half downloaded or change while they are in use, wherever a MODEL is
// wanted: one line tells.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/broken_weights.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const std::string kPhoto = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";

/// A copy of the tiny checkpoint, made anew for each test.
class BrokenModel : public testing::Test {
 protected:
  BrokenModel() {
    fs::remove_all(model());
    fs::copy(tiny_checkpoint(), model(), fs::copy_options::recursive);
  }
  static fs::path model() { return scratch_folder() / "to-break"; }
  static fs::path weights() { return model() / "model.safetensors"; }
  static fs::path gguf() { return scratch_folder() / "to-break.gguf"; }

  static void convert_to_gguf() {
    const Outcome made = run_owl3(
        {"convert", model().string(), gguf().string(), "--type", "q8_0", "-t", "1", "--force"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  static Words chat_words(const fs::path& path) {
    return {"chat",
            path.string(),
            "-t",
            "1",
            "--greedy",
            "--image",
            kPhoto,
            "--no-cut",
            "-p",
            "What is this?",
            "--max-new-tokens",
            "30000"};
  }
  static void expect_refusal(const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  }
};

TEST_F(BrokenModel, IsVerifiedWhenSound) {
  const Outcome text = run_owl3({"info", model().string(), "--verify"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("every value is a number"), std::string::npos) << text.out;
  const Outcome outcome = run_owl3({"info", model().string(), "--verify", "--json"});
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_GT(json["verified"]["tensors"], 50);
  EXPECT_TRUE(json["verified"]["broken"].empty());
}

TEST_F(BrokenModel, NotANumberIsNamedByInfoAndConvertAndChat) {
  const std::string victim = "language_model.model.layers.1.self_attn.v_kv_proj.weight";
  const std::string other = "vision_model.encoder.layers.0.mlp.fc1.weight";
  put_bad(weights(), victim, 70, Bad::kNan);
  expect_refusal(run_owl3({"info", model().string(), "--verify"}),
                 weights().string() + ": tensor " + victim + " holds NaN");
  expect_refusal(
      run_owl3({"convert", model().string(), gguf().string(), "--type", "bf16", "--force"}),
      victim);
  const Outcome asked = run_owl3(chat_words(model()));
  expect_refusal(asked, weights().string() + ": tensor " + victim + " holds NaN at [0, 70]");
  EXPECT_EQ(asked.out, "");
  put_bad(weights(), other, 0, Bad::kInfinity);
  const Outcome two = run_owl3({"info", model().string(), "--verify", "--json"});
  expect_refusal(two, "1 more tensor holds such values");
  EXPECT_EQ(nlohmann::json::parse(two.out)["verified"]["broken"].size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(two.out)["kind"], "input") << "one object, and in it the error";
}

TEST_F(BrokenModel, AnOddRecommendationIsOneWarning) {
  std::ofstream(model() / "generation_config.json") << R"({"temperature":"hot","top_k":50})";
  const std::string warning = "owl3: warning: " + (model() / "generation_config.json").string() +
                              ": temperature must be a number, not \"hot\"; the default is taken\n";
  for (const Words& words :
       {Words{"info", model().string()}, Words{"info", model().string(), "--json"},
        Words{"chat", model().string(), "-p", "x", "--max-new-tokens", "2"},
        Words{"convert", model().string(), gguf().string(), "--type", "q8_0", "--force"},
        Words{"chat", gguf().string(), "-p", "x", "--max-new-tokens", "2"}}) {
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << words[0] << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("owl3: warning: ") && is_one_line(outcome.err))
        << outcome.err;
    if (words[1] == model().string()) {
      EXPECT_EQ(outcome.err, warning);
    }
  }
  const auto json = nlohmann::json::parse(run_owl3({"info", model().string(), "--json"}).out);
  EXPECT_EQ(json["generation"]["top_k"], 50);
  EXPECT_EQ(json["warnings"].size(), 1u);
}

TEST_F(BrokenModel, IsFoundInHuggingFacesCache) {
  const fs::path cached = scratch_folder() / "models--me--tiny-owl";
  fs::remove_all(cached);
  fs::create_directories(cached / "snapshots");
  fs::create_directories(cached / "blobs");
  fs::copy(model(), cached / "snapshots" / "0123", fs::copy_options::recursive);
  const fs::path blob = cached / "blobs" / "b";
  fs::rename(cached / "snapshots" / "0123" / "model.safetensors", blob);
  fs::create_symlink("../../blobs/b", cached / "snapshots" / "0123" / "model.safetensors");
  for (const fs::path& path : {cached, cached / "snapshots"}) {
    for (const Words& words :
         {Words{"info", path.string()},
          Words{"chat", path.string(), "-p", "x", "--max-new-tokens", "2"},
          Words{"convert", path.string(), gguf().string(), "--type", "q8_0", "--force"}}) {
      EXPECT_EQ(run_owl3(words).exit_code, 0) << words[0] << " " << path;
    }
  }
  std::ifstream file(gguf(), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(text.find("tiny-owl"), std::string::npos);  // its name
  fs::copy(cached / "snapshots" / "0123", cached / "snapshots" / "4567",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  expect_refusal(run_owl3({"info", cached.string()}), "give one of them: ");
  fs::remove_all(cached / "snapshots" / "4567");
  fs::remove(blob);
  expect_refusal(run_owl3({"info", cached.string()}), "which is not there: the download is");
}

TEST_F(BrokenModel, CutShortWhileAnswersComeIsTold) {
  convert_to_gguf();
  for (const fs::path& path : {model(), gguf()}) {
    const fs::path file = fs::is_directory(path) ? weights() : path;
    const fs::path out = scratch_folder() / "answer.txt";
    std::ofstream(out).flush();
    RunOptions options;
    options.out_file = out.string();
    options.signal_when = [&] {
      if (fs::file_size(out) == 0) return false;
      fs::resize_file(file, 4096);
      return true;
    };
    for (int i = 0; i < 300; ++i) options.input += "What is this?\n";  // answers may be short
    const Outcome outcome = run_owl3({"chat", path.string(), "-t", "1", "--greedy", "--image",
                                      kPhoto, "--no-cut", "--max-new-tokens", "30000"},
                                     options);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    const std::string told = "owl3: " + file.string() + ": cut short while in use";
    EXPECT_EQ(outcome.err.substr(0, told.size()), told) << outcome.err;
  }
}

TEST_F(BrokenModel, CutShortBetweenQuestionsIsTold) {
  const fs::path out = scratch_folder() / "answer.txt";
  for (const bool cut : {true, false}) {
    std::ofstream(out).flush();
    RunOptions options;
    options.out_file = out.string();
    for (int i = 0; i < 300; ++i) options.input += "One?\n";  // answers may be short
    bool changed = false;
    options.signal_when = [&] {
      if (changed || fs::file_size(out) == 0) return changed;
      if (cut) {
        fs::resize_file(weights(), 4096);
      } else {  // written to, and as long as before
        put_bad(weights(), "vision2text_model.bias", 0, Bad::kNan);
      }
      return changed = true;
    };
    const Outcome outcome = run_owl3(
        {"chat", model().string(), "-t", "1", "--greedy", "--max-new-tokens", "3000"}, options);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_NE(outcome.err.find(cut ? weights().string() + ": cut short while in use"
                                   : weights().string() + ": was changed while in use"),
              std::string::npos)
        << outcome.err;
    fs::copy_file(fs::path(tiny_checkpoint()) / "model.safetensors", weights(),
                  fs::copy_options::overwrite_existing);
  }
}

}  // namespace

}  // namespace owl3::test
