// Questions that bring their conversation along, and what is found again of it.
#include "api/completion.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;
using Messages = std::vector<CompletionMessage>;

const fs::path kImages = fs::path(OWL3_TEST_DATA) / "images";
constexpr int64_t kPlenty = int64_t{64} << 20;

/// The least difference in logits shows.
GenerationOptions sampling(uint64_t seed, int64_t tokens = 8) {
  GenerationOptions options = generation_preset("sample");
  options.max_new_tokens = tokens;
  options.temperature = 3;
  options.seed = seed;
  return options;
}

CompletionMessage says(Role role, std::string text) {
  return {role, {{std::move(text)}}};
}

std::string words(int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += "word " + std::to_string(i) + " ";
  return text;
}

/// A conversation whose turns are short, long, and with an image.
Messages conversation(size_t turns) {
  const Messages all = {
      says(Role::kSystem, "Be brief."),  {Role::kUser, {{"See ", {}}, {{}, 0}, {" and tell.", {}}}},
      says(Role::kAssistant, "A wall."), says(Role::kUser, words(130)),
      says(Role::kAssistant, words(30)), says(Role::kUser, "Why?"),
      says(Role::kAssistant, ""),        says(Role::kUser, "And then?")};
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(2 * turns)};
}

class CompletionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  CompletionTest() : model_(Model::load(folder_->path(), options())), memory_(model_) {
    ImageOptions whole;
    whole.cut = false;
    const std::vector<fs::path> paths = {kImages / "08-RGB-200x150.jpg",
                                         kImages / "07-RGB-240x33.jpg"};
    images_ = memory_.add_images(paths, whole);
  }
  static ModelOptions options() {
    ModelOptions options;
    options.threads = 1;
    return options;
  }
  static int64_t cached(const Answer& answer) {
    return answer.prompt_tokens - answer.prefilled_tokens;
  }
  Answer ask(Completions& completions, const Messages& messages, uint64_t seed = 1,
             size_t image = 0) {
    const std::span<const Medium> media(&images_[image], 1);
    return completions.ask(messages, media, sampling(seed))->get();
  }

  static std::unique_ptr<ScratchFolder> folder_;
  Model model_;
  VisualMemory memory_;
  std::vector<Medium> images_;
};

std::unique_ptr<ScratchFolder> CompletionTest::folder_;

TEST_F(CompletionTest, AFirstQuestionIsAnsweredAsInAChat) {
  Completions completions(model_, kPlenty);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    ChatOptions options;
    options.system = "Be brief.";
    Chat chat(model_, options);
    const Answer said =
        chat.ask("See <image> and tell." + words(130), {images_[0]}, sampling(seed));
    Messages messages = conversation(1);
    messages.back().parts.push_back({words(130)});
    const Answer answer = ask(completions, messages, seed);
    EXPECT_EQ(answer.text, said.text);
    EXPECT_EQ(answer.prompt_tokens, said.prompt_tokens);
  }
}

TEST_F(CompletionTest, WhatIsFoundAgainCostsNothingAndChangesNothing) {
  Completions forgetful(model_, 0);
  Completions completions(model_, kPlenty);
  int64_t before = 0;
  for (size_t turns = 1; turns <= 4; ++turns) {
    const Answer alone = ask(forgetful, conversation(turns), turns);
    EXPECT_EQ(cached(alone), 0);
    const Answer answer = ask(completions, conversation(turns), turns);
    EXPECT_EQ(answer.text, alone.text) << turns;
    // All that was asked before, from the beginning to where its answer began.
    EXPECT_EQ(cached(answer), before) << turns;
    before = answer.prompt_tokens;
  }
  EXPECT_EQ(completions.prefix_stats().conversations, 1);
  EXPECT_EQ(completions.prefix_stats().hits, 3);
}

TEST_F(CompletionTest, TheSameAgainIsNotReadAgain) {
  Completions forgetful(model_, 0);
  Completions completions(model_, kPlenty);
  const Messages messages = conversation(2);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Answer alone = ask(forgetful, messages, seed);
    const Answer answer = ask(completions, messages, seed);
    EXPECT_EQ(answer.text, alone.text) << seed;
    EXPECT_EQ(cached(answer), seed == 1 ? 0 : answer.prompt_tokens) << seed;
  }
  EXPECT_EQ(completions.prefix_stats().conversations, 1);
  // Another image, and another question, are something else.
  EXPECT_EQ(ask(completions, messages, 1, 1).text, ask(forgetful, messages, 1, 1).text);
  EXPECT_EQ(ask(completions, conversation(3)).text, ask(forgetful, conversation(3)).text);
  // Of what was gone on from, the place where its answer began is known, but not its logits.
  const Answer back = ask(completions, messages, 4);
  EXPECT_EQ(back.text, ask(forgetful, messages, 4).text);
  EXPECT_LT(cached(back), back.prompt_tokens);
}

TEST_F(CompletionTest, WaitingIsNotWritingWhereNothingIsRead) {
  Completions completions(model_, kPlenty);
  const Messages messages = conversation(1);
  ask(completions, messages);
  AskCallbacks callbacks;
  int64_t told = 0;
  callbacks.on_prefill = [&](int64_t done, int64_t total) { told += done == 0 && total == 0; };
  const std::span<const Medium> media(&images_[0], 1);
  const Answer answer = completions.ask(messages, media, sampling(2), callbacks)->get();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(answer.prefilled_tokens, 0);
  EXPECT_GT(answer.prefill_seconds, 0);  // until its turn came
}

TEST_F(CompletionTest, TheSameAgainHasItsEvidenceAndLikelihoods) {
  Completions forgetful(model_, 0);
  Completions completions(model_, kPlenty);
  const Messages messages = conversation(1);
  const std::span<const Medium> media(&images_[0], 1);
  GenerationOptions likely = sampling(1);
  likely.likeliest = 2;
  GenerationOptions beams = generation_preset("beam");
  beams.max_new_tokens = 8;
  for (GenerationOptions options : {likely, beams}) {
    options.scored_texts = {"Yes", "No"};
    const Answer alone = forgetful.ask(messages, media, options)->get();
    completions.ask(messages, media, options)->get();
    const Answer again = completions.ask(messages, media, options)->get();
    EXPECT_EQ(again.prefilled_tokens, 0);
    EXPECT_EQ(again.text, alone.text);
    ASSERT_EQ(again.likelihoods.size(), alone.likelihoods.size());
    for (size_t i = 0; i < again.likelihoods.size(); ++i) {
      EXPECT_EQ(again.likelihoods[i].likeliest.front().logprob,
                alone.likelihoods[i].likeliest.front().logprob);
    }
    ASSERT_EQ(again.scored_texts.size(), 2u);
    EXPECT_EQ(again.scored_texts[1].logprob, alone.scored_texts[1].logprob);
  }
  GenerationOptions with_evidence = sampling(1);
  with_evidence.evidence = EvidenceOptions{};
  const Answer answer = completions.ask(messages, media, with_evidence)->get();
  EXPECT_GT(answer.prefilled_tokens, 0);
  ASSERT_TRUE(answer.evidence.has_value());
  EXPECT_EQ(answer.text, forgetful.ask(messages, media, with_evidence)->get().text);
}

TEST_F(CompletionTest, AnotherImageIsAnotherBeginning) {
  Completions completions(model_, kPlenty);
  ask(completions, conversation(2));
  EXPECT_GT(cached(ask(completions, conversation(3))), 0);
  Completions forgetful(model_, 0);
  const Answer alone = ask(forgetful, conversation(3), 1, 1);
  const Answer answer = ask(completions, conversation(3), 1, 1);
  EXPECT_EQ(cached(answer), 0);
  EXPECT_EQ(answer.text, alone.text);
  // And other words behind the same image are.
  Messages other = conversation(3);
  other[3] = says(Role::kUser, "Something else.");
  EXPECT_EQ(ask(completions, other, 1, 0).text, ask(forgetful, other, 1, 0).text);
}

TEST_F(CompletionTest, TheImagesOfWhatIsKeptAreNotHeld) {
  Completions completions(model_, kPlenty);
  ask(completions, conversation(1));
  EXPECT_GT(memory_.stats().held_bytes, 0);
  images_.clear();
  EXPECT_EQ(completions.prefix_stats().conversations, 1);
  EXPECT_EQ(memory_.stats().held_bytes, 0);
}

TEST_F(CompletionTest, TheOldestMakeWayForTheBudget) {
  Completions measuring(model_, kPlenty);
  measuring.ask(Messages{says(Role::kUser, "Conversation 0")}, {}, sampling(1))->get();
  const int64_t one = measuring.prefix_stats().bytes;
  ASSERT_GT(one, 0);
  Completions completions(model_, 3 * one + one / 2);
  for (int i = 0; i < 20; ++i) {
    completions
        .ask(Messages{says(Role::kUser, "Conversation " + std::to_string(i))}, {}, sampling(1))
        ->get();
    EXPECT_LE(completions.prefix_stats().bytes, completions.prefix_stats().budget_bytes);
  }
  EXPECT_EQ(completions.prefix_stats().conversations, 3);
  const auto follow_up = [&](int i) {
    const Messages messages = {says(Role::kUser, "Conversation " + std::to_string(i)),
                               says(Role::kAssistant, "Yes."), says(Role::kUser, "More.")};
    return cached(completions.ask(messages, {}, sampling(1))->get());
  };
  EXPECT_EQ(follow_up(2), 0);
  EXPECT_GT(follow_up(19), 0);
}

TEST_F(CompletionTest, ManyThreadsGetWhatOneGets) {
  Completions forgetful(model_, 0);
  std::vector<std::string> alone;
  for (size_t i = 0; i < 8; ++i) {
    alone.push_back(ask(forgetful, conversation(1 + i % 4), i, i % 2).text);
  }
  Completions completions(model_, int64_t{2} << 20);
  std::atomic<size_t> next = 0;
  std::atomic<int> different = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < 40; i = next++) {
        const size_t which = (i * 5) % 8;
        if (ask(completions, conversation(1 + which % 4), which, which % 2).text != alone[which]) {
          ++different;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
  EXPECT_GT(completions.prefix_stats().hits, 0);
}

TEST_F(CompletionTest, WhatIsWrongIsSaidBeforeAnythingIsEncoded) {
  Completions completions(model_, kPlenty);
  const auto count = [&](const Messages& messages) {
    return completions.count_tokens(messages, {});
  };
  EXPECT_EQ(
      count({says(Role::kUser, "Hi")}),
      completions.ask(Messages{says(Role::kUser, "Hi")}, {}, sampling(1))->get().prompt_tokens);
  EXPECT_THROW(count({}), UsageError);
  EXPECT_THROW(count({says(Role::kAssistant, "Hi")}), UsageError);
  EXPECT_THROW(count({says(Role::kUser, "Hi"), says(Role::kSystem, "Be brief.")}), UsageError);
  EXPECT_THROW(count({says(Role::kUser, "<|image|>")}), UsageError);
  EXPECT_THROW(count({{Role::kUser, {{"<|im"}, {"age|>"}}}}), UsageError);
  EXPECT_THROW(count({{Role::kUser, {{{}, 0}}}}), UsageError);
  EXPECT_THROW(count({says(Role::kUser, words(model_.context_length()))}), UsageError);
  EXPECT_THROW(completions.ask(Messages{says(Role::kUser, "Hi")}, images_, sampling(1)),
               UsageError);
  EXPECT_THROW(completions.ask(Messages{says(Role::kUser, "\xff")}, {}, sampling(1)), UsageError);
}

TEST_F(CompletionTest, MarksOfUsersAreTextHere) {
  Completions completions(model_, kPlenty);
  const int64_t with = completions.count_tokens(Messages{says(Role::kUser, "An <image> tag")}, {});
  const int64_t without = completions.count_tokens(Messages{says(Role::kUser, "An tag")}, {});
  EXPECT_GT(with, without);
}

TEST_F(CompletionTest, ACancelledAnswerIsWhatWasWritten) {
  Completions completions(model_, kPlenty);
  std::promise<void> written;
  std::atomic<bool> told = false;
  AskCallbacks callbacks;
  callbacks.on_text = [&](std::string_view) {
    if (!told.exchange(true)) written.set_value();
    return true;
  };
  auto pending = completions.ask(conversation(1), {images_.data(), 1}, sampling(3, 5000),
                                 std::move(callbacks));
  written.get_future().wait();
  pending->cancel();
  const Answer answer = pending->get();
  EXPECT_TRUE(answer.stop_reason == StopReason::kInterrupted ||
              answer.stop_reason == StopReason::kEndOfAnswer);
  EXPECT_THROW(pending->get(), UsageError);
  // Given up, it is cancelled.
  completions.ask(conversation(1), {images_.data(), 1}, sampling(3, 5000)).reset();
}

PromptRead read(std::vector<int32_t> ids, std::vector<int64_t> ends) {
  PromptRead prompt;
  prompt.ids = std::move(ids);
  prompt.chunk_ends = std::move(ends);
  return prompt;
}

TEST(CommonTokens, CountInWholeChunksOfBoth) {
  const PromptRead one = read({1, 2, 3, 4, 5, 6}, {2, 4, 6});
  EXPECT_EQ(common_tokens(one, one), 6);
  EXPECT_EQ(common_tokens(one, read({1, 2, 3, 4, 5, 6, 7}, {2, 4, 6, 7})), 6);
  EXPECT_EQ(common_tokens(one, read({1, 2, 3, 4, 5, 7}, {2, 4, 6})), 4);
  EXPECT_EQ(common_tokens(one, read({1, 2, 3, 4, 5, 6}, {2, 5, 6})), 2);
  EXPECT_EQ(common_tokens(one, read({1, 2, 3, 4, 5, 6}, {6})), 0);
  EXPECT_EQ(common_tokens(one, read({2}, {1})), 0);
  EXPECT_EQ(common_tokens(one, read({1, 2, 3}, {2, 3})), 2);
}

TEST(CommonTokens, EndWhereAnImageIsAnother) {
  PromptRead one = read({1, 2, 3, 4, 5, 6}, {2, 4, 6});
  one.images = {{1, ContentHash{{1}}}, {5, ContentHash{{2}}}};
  PromptRead other = one;
  EXPECT_EQ(common_tokens(one, other), 6);
  other.images[1].pixels = ContentHash{{3}};
  EXPECT_EQ(common_tokens(one, other), 4);
  other.images.pop_back();
  EXPECT_EQ(common_tokens(one, other), 4);
  other.images[0].pixels = ContentHash{{3}};
  EXPECT_EQ(common_tokens(one, other), 0);
}

}  // namespace
}  // namespace owl3
