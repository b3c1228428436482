// What was read of a long question, kept in a folder, and found again in another conversation.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(OWL3_TEST_DATA) / "images";
constexpr size_t kMany = 140;

/// The least difference in logits shows.
GenerationOptions sampling(uint64_t seed) {
  GenerationOptions options = generation_preset("sample");
  options.max_new_tokens = 8;
  options.temperature = 3;
  options.seed = seed;
  return options;
}

class PromptFolderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    checkpoint_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(checkpoint_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { checkpoint_.reset(); }

  PromptFolderTest() : model_(load({})), memory_(model_), media_(album(memory_)) {}

  static Model load(ModelOptions options) {
    options.threads = 1;
    return Model::load(checkpoint_->path(), options);
  }
  /// Two photos in turn.
  static std::vector<Medium> album(VisualMemory& memory) {
    ImageOptions whole;
    whole.cut = false;
    const std::vector<fs::path> paths = {kImages / "08-RGB-200x150.jpg",
                                         kImages / "07-RGB-240x33.jpg"};
    const std::vector<Medium> two = memory.add_images(paths, whole);
    std::vector<Medium> media;
    for (size_t i = 0; i < kMany; ++i) media.push_back(two[i % 2]);
    return media;
  }

  ChatOptions keeping() const {
    ChatOptions options;
    options.prompt_folder = folder_.path() / "kept";
    return options;
  }
  static Answer ask(const Model& model, const std::vector<Medium>& media,
                    const ChatOptions& options, const std::string& question, uint64_t seed = 1) {
    return Chat(model, options).ask(question, media, sampling(seed));
  }
  Answer ask(const ChatOptions& options, const std::string& question, uint64_t seed = 1) const {
    return ask(model_, media_, options, question, seed);
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "kept")) {
      files.push_back(entry.path());
    }
    return files;
  }

  static std::unique_ptr<ScratchFolder> checkpoint_;
  ScratchFolder folder_;
  Model model_;
  VisualMemory memory_;
  std::vector<Medium> media_;
};

std::unique_ptr<ScratchFolder> PromptFolderTest::checkpoint_;

bool begins_anew(const Answer& answer) {
  return answer.prefilled_tokens == answer.prompt_tokens;
}

TEST_F(PromptFolderTest, AnotherQuestionReadsItsOwnTokensOnlyAndIsAnsweredAsIfAlone) {
  EXPECT_TRUE(begins_anew(ask(keeping(), "What is on the first?")));
  ASSERT_EQ(files().size(), 1U);
  const Model later = load({});  // as in another process
  VisualMemory memory(later);
  const std::vector<Medium> media = album(memory);
  for (uint64_t seed = 1; seed < 6; ++seed) {
    const Answer alone = ask({}, "And on the last?", seed);
    const Answer answer = ask(later, media, keeping(), "And on the last?", seed);
    EXPECT_EQ(answer.text, alone.text);
    EXPECT_TRUE(begins_anew(alone));
    EXPECT_LT(answer.prefilled_tokens, 40);
    EXPECT_EQ(answer.prompt_tokens, alone.prompt_tokens);
  }
  EXPECT_EQ(files().size(), 1U) << "it is the same beginning";
}

TEST_F(PromptFolderTest, TheConversationGoesOnFromThere) {
  ask(keeping(), "What is it?");
  Chat alone(model_), going_on(model_, keeping());
  for (const char* question : {"Why?", "And then?", "Where?"}) {
    const std::vector<Medium> media = alone.tokens() == 0 ? media_ : std::vector<Medium>{};
    const Answer one = alone.ask(question, media, sampling(3));
    const Answer other = going_on.ask(question, media, sampling(3));
    EXPECT_EQ(one.text, other.text);
    EXPECT_EQ(one.prompt_tokens, other.prompt_tokens);
  }
}

TEST_F(PromptFolderTest, NothingElseIsTakenForIt) {
  ask(keeping(), "What is it?");
  ChatOptions other_system = keeping();
  other_system.system = "Be brief.";
  EXPECT_TRUE(begins_anew(ask(other_system, "What is it?")));
  std::vector<Medium> other_order = media_;
  std::swap(other_order[0], other_order[1]);
  EXPECT_TRUE(begins_anew(ask(model_, other_order, keeping(), "What is it?")));
  ModelOptions exact;
  exact.precision = Precision::kFloat32;
  const Model reference = load(exact);
  VisualMemory memory(reference);
  EXPECT_TRUE(begins_anew(ask(reference, album(memory), keeping(), "What is it?")));
  EXPECT_EQ(files().size(), 4U);
  EXPECT_FALSE(begins_anew(ask(keeping(), "What is it?")));
}

TEST_F(PromptFolderTest, ADamagedFileIsReadAnewWhereverTheDamageIs) {
  const std::string said = ask(keeping(), "What is it?").text;
  const fs::path file = files().at(0);
  const auto size = static_cast<std::streamoff>(fs::file_size(file));
  const auto whole = [&] {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  for (std::streamoff at : {std::streamoff{5}, std::streamoff{20}, std::streamoff{60},
                            std::streamoff{300}, std::streamoff{1500}, size / 2, size - 1}) {
    std::string damaged = whole;
    damaged[static_cast<size_t>(at)] ^= 0x10;
    std::ofstream(file, std::ios::binary) << damaged;
    const Answer answer = ask(keeping(), "What is it?");
    EXPECT_EQ(answer.text, said);
    EXPECT_EQ(begins_anew(answer), true) << at;
  }
  for (const size_t left : {size_t{0}, size_t{3}, size_t{100}, size_t{4096}, whole.size() - 1}) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, left);
    EXPECT_TRUE(begins_anew(ask(keeping(), "What is it?"))) << left;
  }
  EXPECT_FALSE(begins_anew(ask(keeping(), "What is it?"))) << "it was written anew";
}

TEST_F(PromptFolderTest, WhatIsNotUsedForLongestMakesWay) {
  ask(keeping(), "What is it?");
  const auto bytes = static_cast<int64_t>(fs::file_size(files().at(0)));
  ChatOptions small = keeping();
  small.prompt_folder_budget_bytes = bytes + bytes / 2;
  small.system = "Be brief.";
  ask(small, "What is it?");
  EXPECT_EQ(files().size(), 1U);
  EXPECT_FALSE(begins_anew(ask(small, "What is it?")));
  ChatOptions none = keeping();
  none.prompt_folder_budget_bytes = 0;
  EXPECT_TRUE(begins_anew(ask(none, "What is it?")));
  EXPECT_EQ(files().size(), 0U);
  none.prompt_folder_budget_bytes = -1;
  EXPECT_THROW(Chat(model_, none), UsageError);
}

TEST_F(PromptFolderTest, AFolderThatCantBeIsAnErrorAndShortQuestionsAreNotKept) {
  std::ofstream(folder_.path() / "file") << "x";
  ChatOptions options;
  options.prompt_folder = folder_.path() / "file";
  EXPECT_THROW(Chat(model_, options), InputError);
  ask(model_, {media_[0]}, keeping(), "What is it?");
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace owl3
