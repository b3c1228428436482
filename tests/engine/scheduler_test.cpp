// Many callers on one model: each gets what it gets alone, whoever else asks, cancels or fails.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <random>

#include "../generate/tiny_model.h"

namespace owl3 {
namespace {

/// What became of a turn.
struct Outcome {
  std::vector<int32_t> ids;
  GenerationEnd end = GenerationEnd::kStopToken;
  int64_t length = 0;  // of the sequence
  bool failed = false;

  bool operator==(const Outcome&) const = default;
};

class Listener final : public TurnListener {
 public:
  bool cancelled() const noexcept override { return cancelled_; }
  void on_prefill(int64_t tokens, int64_t) override {
    prefilled_ = tokens;
    if (at_prefill) at_prefill();
  }
  bool on_token(int32_t) override {
    const int64_t tokens = ++tokens_;
    if (at_token) at_token(tokens);
    if (fail_at_ == tokens) throw InputError("a listener that fails");
    if (cancel_at_ == tokens) cancelled_ = true;
    return true;
  }
  void on_end(Generated answer, Sequence sequence) noexcept override {
    promise_.set_value({answer.ids, answer.end, sequence.cache.length(), false});
  }
  void on_failure(std::exception_ptr failure) noexcept override {
    failure_ = std::move(failure);
    promise_.set_value({{}, GenerationEnd::kStopToken, 0, true});
  }

  void cancel() { cancelled_ = true; }
  void cancel_at(int64_t tokens) { cancel_at_ = tokens; }
  void fail_at(int64_t tokens) { fail_at_ = tokens; }
  Outcome outcome() { return promise_.get_future().get(); }
  int64_t tokens() const { return tokens_; }
  int64_t prefilled() const { return prefilled_; }
  std::exception_ptr failure() const { return failure_; }

  std::function<void()> at_prefill;  // behind every chunk
  std::function<void(int64_t)> at_token;

 private:
  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> tokens_ = 0;
  std::atomic<int64_t> prefilled_ = 0;
  int64_t cancel_at_ = -1;
  int64_t fail_at_ = -1;
  std::exception_ptr failure_;
  std::promise<Outcome> promise_;
};

class SchedulerTest : public testing::Test {
 protected:
  void TearDown() override { scheduler_->close(); }

  TinyModel& tiny() { return tiny_model("unified"); }
  Owl3Model& model() { return tiny().model(); }

  std::unique_ptr<ScheduledTurn> turn(const GoldenPrompt& prompt, GenerationOptions options) {
    return std::make_unique<ScheduledTurn>(
        ScheduledTurn{tiny().place_images(prompt), prompt.ids, {}, std::move(options)});
  }
  /// A text of so many tokens, longer than a chunk perhaps.
  std::unique_ptr<ScheduledTurn> text(int64_t tokens, GenerationOptions options, int32_t salt = 0) {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < tokens; ++i) {
      ids.push_back(static_cast<int32_t>(3 + (i * 7919 + salt) % 250));
    }
    return std::make_unique<ScheduledTurn>(
        ScheduledTurn{model().decoder().new_sequence(), std::move(ids), {}, std::move(options)});
  }
  std::shared_ptr<Listener> submit(std::unique_ptr<ScheduledTurn> turn) {
    auto listener = std::make_shared<Listener>();
    scheduler_->submit(std::move(turn), listener);
    return listener;
  }
  Outcome alone(std::unique_ptr<ScheduledTurn> turn) { return submit(std::move(turn))->outcome(); }

  std::shared_ptr<Scheduler> scheduler_ = std::make_shared<Scheduler>(model());
};

/// A turn of one's own, the same for the same seed.
struct Recipe {
  const GoldenPrompt* prompt = nullptr;  // or a text
  int64_t tokens = 0;
  GenerationOptions options;
};

TEST_F(SchedulerTest, AnswersAreTheGoldenOnes) {
  for (const auto& [name, prompt] : tiny().prompts()) {
    const Outcome outcome = alone(turn(prompt, plain_options(12)));
    EXPECT_EQ(outcome.ids, prompt.greedy) << name;
    EXPECT_EQ(outcome.end, GenerationEnd::kLength);
    EXPECT_EQ(outcome.length, static_cast<int64_t>(prompt.ids.size()) + 11);
  }
}

TEST_F(SchedulerTest, ManyThreadsGetWhatEachGetsAlone) {
  std::mt19937 random(5);
  std::vector<Recipe> recipes;
  std::vector<Outcome> expected;
  const auto make = [&](const Recipe& recipe) {
    return recipe.prompt != nullptr ? turn(*recipe.prompt, recipe.options)
                                    : text(recipe.tokens, recipe.options);
  };
  for (int i = 0; i < 40; ++i) {
    Recipe recipe;
    if (i % 3 != 0) {
      auto prompt = tiny().prompts().begin();
      std::advance(prompt, random() % tiny().prompts().size());
      recipe.prompt = &prompt->second;
    } else {
      recipe.tokens = 1 + static_cast<int64_t>(random() % 200);
    }
    recipe.options = plain_options(1 + static_cast<int64_t>(random() % 20), i % 7 == 0 ? 3 : 1);
    if (i % 2 == 0 && i % 7 != 0) {
      recipe.options.do_sample = true;
      recipe.options.temperature = 2;
      recipe.options.seed = random();
    }
    recipes.push_back(recipe);
    expected.push_back(alone(make(recipe)));
  }
  constexpr int kThreads = 8, kEach = 25;
  std::vector<std::future<void>> callers;
  for (int thread = 0; thread < kThreads; ++thread) {
    callers.push_back(std::async(std::launch::async, [&, thread] {
      std::mt19937 mine(static_cast<uint32_t>(100 + thread));
      for (int i = 0; i < kEach; ++i) {
        const size_t which = mine() % recipes.size();
        const auto listener = std::make_shared<Listener>();
        const bool cancels = mine() % 4 == 0;
        if (cancels) listener->cancel_at(1 + static_cast<int64_t>(mine() % 5));
        scheduler_->submit(make(recipes[which]), listener);
        if (mine() % 10 == 0) listener->cancel();
        const Outcome outcome = listener->outcome();
        if (!listener->cancelled()) {
          EXPECT_EQ(outcome, expected[which]) << which;
        } else if (!outcome.failed) {  // what there is of it is right
          const std::vector<int32_t>& whole = expected[which].ids;
          ASSERT_LE(outcome.ids.size(), whole.size());
          if (recipes[which].options.num_beams == 1) {
            EXPECT_TRUE(std::equal(outcome.ids.begin(), outcome.ids.end(), whole.begin()));
          }
        }
      }
    }));
  }
  for (std::future<void>& caller : callers) caller.get();
  EXPECT_EQ(scheduler_->stats().running, 0U);
}

TEST_F(SchedulerTest, AFailureIsOneConversationsOwn) {
  const GoldenPrompt& prompt = tiny().prompts().at("interleaved");
  std::vector<std::shared_ptr<Listener>> listeners;
  for (int i = 0; i < 9; ++i) {
    auto listener = std::make_shared<Listener>();
    if (i % 3 == 1) listener->fail_at(1 + i);
    auto made = turn(prompt, plain_options(12));
    if (i % 3 == 2) made->prompt.back() = -1;  // no token: the step fails
    scheduler_->submit(std::move(made), listener);
    listeners.push_back(std::move(listener));
  }
  for (size_t i = 0; i < listeners.size(); ++i) {
    const Outcome outcome = listeners[i]->outcome();
    EXPECT_EQ(outcome.failed, i % 3 != 0) << i;
    if (i % 3 == 0) {
      EXPECT_EQ(outcome.ids, prompt.greedy) << i;
    } else if (i % 3 == 1) {
      EXPECT_THROW(std::rethrow_exception(listeners[i]->failure()), InputError);
    } else {
      EXPECT_THROW(std::rethrow_exception(listeners[i]->failure()), InternalError);
    }
  }
}

TEST_F(SchedulerTest, SaysThatItIsFullInsteadOfGrowing) {
  scheduler_->set_limits({2, 3});
  std::vector<std::shared_ptr<Listener>> taken;
  for (int i = 0; i < 5; ++i) taken.push_back(submit(text(600, plain_options(300), i)));
  EXPECT_THROW(submit(text(3, plain_options(1))), Busy);
  EXPECT_LE(scheduler_->stats().running, 2U);
  for (const auto& listener : taken) listener->cancel();
  for (const auto& listener : taken) listener->outcome();
  EXPECT_FALSE(alone(text(3, plain_options(1))).failed);
}

TEST_F(SchedulerTest, ALongPromptHoldsTheOthersUpByNoMoreThanAChunk) {
  const auto quick = submit(text(5, plain_options(1 << 20)));
  while (quick->tokens() < 2) std::this_thread::yield();
  auto slow = std::make_shared<Listener>();
  std::vector<int64_t> tokens;  // that the other had at every chunk
  slow->at_prefill = [&] { tokens.push_back(quick->tokens()); };
  scheduler_->submit(text(6 * kPrefillChunk, plain_options(1), 3), slow);
  EXPECT_FALSE(slow->outcome().failed);
  ASSERT_EQ(tokens.size(), 6U);
  for (size_t chunk = 1; chunk < tokens.size(); ++chunk) {
    EXPECT_GT(tokens[chunk], tokens[chunk - 1]) << chunk;
  }
  quick->cancel();
  quick->outcome();
}

TEST_F(SchedulerTest, AnswersWaitForPromptsAndWorkWhereThatIsWanted) {
  scheduler_->set_limits({2, 4, true});
  std::vector<int64_t> tokens;  // that the quick one had at every chunk of the slow one
  auto quick = std::make_shared<Listener>();
  auto slow = std::make_shared<Listener>();
  slow->at_prefill = [&] { tokens.push_back(quick->tokens()); };
  scheduler_->compute([&] {  // none begins before both are there
    scheduler_->submit(text(5, plain_options(1 << 20)), quick);
    scheduler_->submit(text(6 * kPrefillChunk, plain_options(1 << 20), 3), slow);
  });
  while (quick->tokens() < 3) std::this_thread::yield();
  EXPECT_EQ(tokens, std::vector<int64_t>(6, 0));
  // As many are being answered as may be: other work is done beside, and does not hold them up.
  const int64_t before = quick->tokens();
  for (int i = 0; i < 3; ++i) scheduler_->compute([] {});
  while (quick->tokens() == before) std::this_thread::yield();
  for (const auto& listener : {quick, slow}) {
    listener->cancel();
    listener->outcome();
  }
}

TEST_F(SchedulerTest, MoreThanAStepHoldsTakeTurns) {
  const auto few = static_cast<size_t>(model().backend().few_rows());
  scheduler_->set_limits({3 * few, 0});
  std::vector<std::shared_ptr<Listener>> listeners;
  std::vector<int64_t> others;  // tokens that each had when the first had all of its
  scheduler_->compute([&] {     // none begins before all are there
    for (size_t i = 0; i < 3 * few; ++i) {
      auto listener = std::make_shared<Listener>();
      listener->at_token = [&](int64_t tokens) {
        if (tokens < 60 || !others.empty()) return;
        for (const auto& other : listeners) others.push_back(other->tokens());
      };
      listeners.push_back(listener);
    }
    for (size_t i = 0; i < listeners.size(); ++i) {
      scheduler_->submit(text(3, plain_options(60), static_cast<int32_t>(i)), listeners[i]);
    }
  });
  for (const auto& listener : listeners) EXPECT_EQ(listener->outcome().ids.size(), 60U);
  ASSERT_EQ(others.size(), listeners.size());
  EXPECT_GE(*std::min_element(others.begin(), others.end()), 57);
}

TEST_F(SchedulerTest, CancellingWhileThePromptIsReadIsAnInterruption) {
  const auto listener = submit(text(8 * kPrefillChunk, plain_options(1)));
  while (listener->prefilled() == 0) std::this_thread::yield();
  listener->cancel();
  EXPECT_TRUE(listener->outcome().failed);
  EXPECT_LT(listener->prefilled(), 8 * kPrefillChunk);
  EXPECT_THROW(std::rethrow_exception(listener->failure()), Interrupted);
}

TEST_F(SchedulerTest, WorkIsDoneBetweenSteps) {
  const auto answering = submit(text(5, plain_options(400)));
  std::atomic<int> done = 0;
  std::vector<std::future<void>> callers;
  for (int i = 0; i < 6; ++i) {
    callers.push_back(std::async(std::launch::async, [&] {
      scheduler_->compute([&] {
        ++done;
        scheduler_->compute([&] { ++done; });  // from the computing thread itself: at once
      });
      EXPECT_THROW(scheduler_->compute([] { throw InputError("broken"); }), InputError);
    }));
  }
  for (std::future<void>& caller : callers) caller.get();
  EXPECT_EQ(done, 12);
  EXPECT_EQ(answering->outcome().ids.size(), 400U);
}

TEST_F(SchedulerTest, ClosingEndsEverything) {
  std::vector<std::shared_ptr<Listener>> listeners;
  scheduler_->set_limits({2, 100});
  for (int i = 0; i < 10; ++i) listeners.push_back(submit(text(700, plain_options(500), i)));
  scheduler_->close();
  for (const auto& listener : listeners) {
    EXPECT_TRUE(listener->outcome().failed);
    EXPECT_THROW(std::rethrow_exception(listener->failure()), Interrupted);
  }
  EXPECT_THROW(submit(text(3, plain_options(1))), Interrupted);
  EXPECT_THROW(scheduler_->compute([] {}), Interrupted);
}

}  // namespace
}  // namespace owl3
