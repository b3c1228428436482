// Conversations of many threads on one model, and questions asked without waiting.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(OWL3_TEST_DATA) / "images";

class EngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  EngineTest() : model_(Model::load(folder_->path(), options())) {}

  static ModelOptions options() {
    ModelOptions options;
    options.threads = 1;  // operations are small: threads would only wait for each other
    return options;
  }
  std::vector<Medium> images() {
    ImageOptions whole;
    whole.cut = false;
    const std::vector<fs::path> paths = {kImages / "08-RGB-200x150.jpg",
                                         kImages / "07-RGB-240x33.jpg",
                                         kImages / "12-RGB-900x280.jpg"};
    return VisualMemory(model_).add_images(paths, whole);
  }

  static std::unique_ptr<ScratchFolder> folder_;
  Model model_;
};

std::unique_ptr<ScratchFolder> EngineTest::folder_;

GenerationOptions sampling(uint64_t seed, int64_t tokens = 8) {
  GenerationOptions options = generation_preset("sample");
  options.max_new_tokens = tokens;
  options.temperature = 3;  // the least difference in logits shows
  options.seed = seed;
  return options;
}

/// What a conversation of that number says to its two questions. `stop` ends the first answer after
/// so many pieces.
std::string conversation(const Model& model, const std::vector<Medium>& images, size_t number,
                         int64_t stop = 1 << 20) {
  Chat chat(model);
  std::vector<Medium> shown;
  for (size_t i = 0; i < number % 4; ++i) shown.push_back(images[(number + i) % images.size()]);
  int64_t pieces = 0;
  const std::string first =
      chat.ask("Question " + std::to_string(number), shown, sampling(number),
               [&](std::string_view piece) { return piece.empty() || ++pieces < stop; })
          .text;
  const std::string second = chat.ask("And then?", {}, sampling(number + 1)).text;
  return first + "\n" + second + "\n" + std::to_string(chat.tokens());
}

TEST_F(EngineTest, ConversationsOfManyThreadsSayWhatTheySayAlone) {
  constexpr size_t kThreads = 32, kConversations = 500, kDifferent = 40;
  const std::vector<Medium> shown = images();
  const auto stop_of = [](size_t number) {
    return number % 5 == 0 ? static_cast<int64_t>(1 + number % 3) : int64_t{1} << 20;
  };
  std::vector<std::string> alone;
  for (size_t number = 0; number < kDifferent; ++number) {
    alone.push_back(conversation(model_, shown, number, stop_of(number)));
  }
  const EngineStats before = Engine(model_).stats();
  std::atomic<size_t> next = 0;
  std::atomic<int> different = 0, thrown = 0;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < kConversations; i = next++) {
        const size_t number = i % kDifferent;
        if (conversation(model_, shown, number, stop_of(number)) != alone[number]) ++different;
        if (i % 7 != 0) continue;
        try {  // one whose callback fails
          Chat chat(model_);
          chat.ask("Why?", shown, sampling(i), [](std::string_view) -> bool { throw 1; });
        } catch (int) {
          ++thrown;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
  EXPECT_EQ(thrown, 72);
  const EngineStats stats = Engine(model_).stats();
  EXPECT_GT(stats.step_tokens - before.step_tokens, stats.steps - before.steps);
}

TEST_F(EngineTest, ImagesAreEncodedWhileOthersAnswer) {
  const std::vector<Medium> shown = images();
  const std::string alone = conversation(model_, shown, 3);
  std::atomic<bool> done = false;
  std::thread encoding([&] {
    while (!done) images();
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(conversation(model_, shown, 3), alone);
  done = true;
  encoding.join();
}

TEST_F(EngineTest, AnswersComeWithoutWaiting) {
  const std::vector<Medium> shown = images();
  Engine engine(model_);
  std::vector<Chat> chats;
  std::vector<PendingAnswer> pending;
  std::vector<std::string> streamed(20);
  std::atomic<int> done = 0;
  for (size_t i = 0; i < streamed.size(); ++i) chats.emplace_back(model_);
  for (size_t i = 0; i < streamed.size(); ++i) {
    AskCallbacks callbacks;
    callbacks.on_text = [&, i](std::string_view piece) {
      streamed[i] += piece;
      return true;
    };
    callbacks.on_done = [&] { ++done; };
    pending.push_back(engine.ask(chats[i], "Why?", {shown[i % 3]}, sampling(i), callbacks));
    EXPECT_THROW(chats[i].ask("And?", {}, sampling(i)), UsageError);
    EXPECT_THROW(chats[i].clear(), UsageError);
  }
  for (size_t i = 0; i < streamed.size(); ++i) {
    const Answer answer = pending[i].get();
    EXPECT_EQ(answer.text, streamed[i]);
    Chat alone(model_);
    EXPECT_EQ(alone.ask("Why?", {shown[i % 3]}, sampling(i)).text, answer.text);
    EXPECT_EQ(alone.ask("And?", {}, sampling(i)).text, chats[i].ask("And?", {}, sampling(i)).text);
    EXPECT_THROW(pending[i].get(), UsageError);
  }
  EXPECT_EQ(done, 20);
}

TEST_F(EngineTest, WhatIsGivenUpLeavesTheConversationAsItWas) {
  Engine engine(model_);
  Chat chat(model_);
  chat.ask("One?", {}, sampling(1));
  const int64_t tokens = chat.tokens();
  { const PendingAnswer dropped = engine.ask(chat, "Two?", {}, sampling(2, 2000)); }
  EXPECT_EQ(chat.tokens(), tokens);
  AskCallbacks failing;
  failing.on_text = [](std::string_view) -> bool { throw 5; };
  EXPECT_THROW(engine.ask(chat, "Two?", {}, sampling(2), failing).get(), int);
  EXPECT_EQ(chat.tokens(), tokens);
  EXPECT_THROW(engine.ask(chat, "<image>?", {}, sampling(2)), UsageError);
  EXPECT_EQ(chat.tokens(), tokens);

  PendingAnswer cancelled = engine.ask(chat, "Two?", {}, sampling(2, 2000));
  while (engine.stats().steps == 0) std::this_thread::yield();
  cancelled.cancel();
  try {
    EXPECT_EQ(cancelled.get().stop_reason, StopReason::kInterrupted);
    EXPECT_GT(chat.tokens(), tokens);
  } catch (const Interrupted&) {  // before its prompt was read
    EXPECT_EQ(chat.tokens(), tokens);
  }
}

TEST_F(EngineTest, IsFullRatherThanGrowing) {
  EXPECT_THROW(Engine(model_, {0, 5}), UsageError);
  Engine engine(model_, {1, 1});
  Chat a(model_), b(model_), c(model_);
  PendingAnswer first = engine.ask(a, "One?", {}, sampling(1, 4000));
  PendingAnswer second = engine.ask(b, "Two?", {}, sampling(2, 4000));
  EXPECT_THROW(engine.ask(c, "Three?", {}, sampling(3)), Busy);
  EXPECT_THROW(c.ask("Three?", {}, sampling(3)), Busy);
  EXPECT_EQ(engine.stats().running + engine.stats().waiting, 2);
  first.cancel();
  second.cancel();
  const auto finished = [](PendingAnswer& pending) {
    try {
      pending.get();
    } catch (const Interrupted&) {
    }
  };
  finished(first);
  finished(second);
  EXPECT_FALSE(c.ask("Three?", {}, sampling(3)).text.empty());
}

TEST_F(EngineTest, AModelMayGoWhileItAnswers) {
  const auto pending = [] {
    const Model model = Model::load(folder_->path(), options());
    Chat chat(model);
    return Engine(model).ask(chat, "Why?", {}, sampling(1, 4000));
  };
  pending();  // cancelled at once, the last handle goes with it
  PendingAnswer kept = pending();
  kept.cancel();
  EXPECT_TRUE(kept.wait_for(std::chrono::seconds(60)));
}

}  // namespace
}  // namespace owl3
