// Answers with a form through the public API, on a small random checkpoint.
#include <gtest/gtest.h>

#include <cmath>

#include "api/completion.h"
#include "constraint/answer_form.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

constexpr int64_t kPlenty = int64_t{64} << 20;

AnswerForm colour_form() {
  AnswerForm form;
  form.schema =
      R"({"type":"object","properties":{"colour":{"enum":["red","green","blue"]},)"
      R"("count":{"type":"integer","minimum":1,"maximum":40}},"required":["colour","count"],)"
      R"("additionalProperties":false})";
  return form;
}

class FormsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<ScratchFolder>();
    write_random_checkpoint(folder_->path(), checkpoint_shape("tiny"), {}, {});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  FormsTest() : model_(Model::load(folder_->path(), options())) {}

  static ModelOptions options() {
    ModelOptions options;
    options.threads = 1;
    return options;
  }
  static GenerationOptions with(const AnswerForm& form, uint64_t seed = 1) {
    GenerationOptions options = generation_preset("sample");
    options.temperature = 3;
    options.max_new_tokens = 80;
    options.seed = seed;
    options.form = form;
    return options;
  }
  static void expect_colour(const Answer& answer) {
    EXPECT_TRUE(AnswerGrammar(colour_form()).accepts(answer.text)) << answer.text;
    EXPECT_EQ(answer.stop_reason, StopReason::kEndOfAnswer);
  }

  static std::unique_ptr<ScratchFolder> folder_;
  Model model_;
};

std::unique_ptr<ScratchFolder> FormsTest::folder_;

TEST_F(FormsTest, EveryAnswerOfAConversationHasTheOneItWasAskedFor) {
  Chat chat(model_);
  expect_colour(chat.ask("Which colour?", {}, with(colour_form())));
  AnswerForm yes_or_no;
  yes_or_no.choices = {"yes", "no"};
  const std::string text = chat.ask("Really?", {}, with(yes_or_no)).text;
  EXPECT_TRUE(text == "yes" || text == "no") << text;
  GenerationOptions beams = generation_preset("beam");
  beams.max_new_tokens = 80;
  beams.form = colour_form();
  expect_colour(chat.ask("And now?", {}, beams));
}

TEST_F(FormsTest, ThePiecesOfAnAnswerAreItsText) {
  Chat chat(model_);
  std::string told;
  const Answer answer =
      chat.ask("Which colour?", {}, with(colour_form()), [&](std::string_view piece) {
        told += piece;
        return true;
      });
  EXPECT_EQ(told, answer.text);
}

TEST_F(FormsTest, AnAnswerThatIsCutShortSaysSo) {
  GenerationOptions options = with(colour_form());
  options.max_new_tokens = 2;
  EXPECT_EQ(Chat(model_).ask("Which colour?", {}, options).stop_reason, StopReason::kLength);
}

TEST_F(FormsTest, WhatCannotBeKeptToIsRefusedAndTheConversationStays) {
  Chat chat(model_);
  chat.ask("Hello", {}, with(colour_form()));
  const int64_t tokens = chat.tokens();
  AnswerForm unique;
  unique.schema = R"({"type":"array","uniqueItems":true})";
  try {
    chat.ask("Which?", {}, with(unique));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("uniqueItems"), std::string::npos) << error.what();
  }
  EXPECT_THROW(chat.ask("Which?", {}, with({})), UsageError) << "a form that says nothing";
  AnswerForm nothing;
  nothing.schema = R"({"type":"string","minLength":3,"maxLength":2})";
  EXPECT_THROW(chat.ask("Which?", {}, with(nothing)), InputError);
  EXPECT_EQ(chat.tokens(), tokens);
  Completions completions(model_, kPlenty);
  EXPECT_THROW(completions.check(unique), InputError);
  EXPECT_NO_THROW(completions.check(colour_form()));
  expect_colour(chat.ask("Which?", {}, with(colour_form())));
}

TEST_F(FormsTest, QuestionsThatBringTheirConversationHaveThemToo) {
  Completions completions(model_, kPlenty);
  const std::vector<CompletionMessage> messages = {{Role::kUser, {{"Which colour?"}}}};
  const Answer answer = completions.ask(messages, {}, with(colour_form()))->get();
  expect_colour(answer);
  EXPECT_EQ(answer.text, Chat(model_).ask("Which colour?", {}, with(colour_form())).text);
  expect_colour(completions.ask(PlainPrompt{"The colour is"}, with(colour_form()))->get());
}

TEST_F(FormsTest, AnswersThatAreWrittenTogetherAreThoseOfEachAlone) {
  AnswerForm word;
  word.regex = "[a-z]{4,30}";
  std::vector<GenerationOptions> asked;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    asked.push_back(with(seed % 2 == 0 ? colour_form() : word, seed));
  }
  asked.push_back(with(word));
  asked.back().form.reset();
  std::vector<std::string> alone;
  for (const GenerationOptions& options : asked) {
    alone.push_back(Chat(model_).ask("Well?", {}, options).text);
  }
  Engine engine(model_);
  std::vector<Chat> chats;
  for (size_t i = 0; i < asked.size(); ++i) chats.emplace_back(model_);
  std::vector<PendingAnswer> pending;
  for (size_t i = 0; i < asked.size(); ++i) {
    pending.push_back(engine.ask(chats[i], "Well?", {}, asked[i]));
  }
  for (size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(pending[i].get().text, alone[i]) << i;
}

/// What is told of these texts, beside an answer that is one of them.
std::vector<ScoredText> scored(const Answer& answer) {
  EXPECT_EQ(answer.stop_reason, StopReason::kEndOfAnswer);
  double sum = 0;
  for (const ScoredText& one : answer.scored_texts) {
    EXPECT_LT(one.logprob, 0);
    EXPECT_NEAR(one.probability / answer.scored_texts.front().probability,
                std::exp(one.logprob - answer.scored_texts.front().logprob), 1e-9);
    sum += one.probability;
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  return answer.scored_texts;
}

std::vector<double> logprobs(const std::vector<ScoredText>& texts) {
  std::vector<double> values;
  for (const ScoredText& text : texts) values.push_back(text.logprob);
  return values;
}

TEST_F(FormsTest, TextsAreScoredAsTheirTokensAre) {
  const std::vector<std::string> texts = {"yes", "yes, but", "no", "unclear"};
  AnswerForm choices;
  choices.choices = texts;
  GenerationOptions options = with(choices);
  options.scored_texts = texts;
  const std::vector<ScoredText> together = scored(Chat(model_).ask("Well?", {}, options));
  ASSERT_EQ(together.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(together[i].text, texts[i]);
    // The only answer that there can be is written in the same tokens.
    options.form->choices = {texts[i]};
    options.scored_texts = {texts[i]};
    options.likeliest = 0;
    const Answer alone = Chat(model_).ask("Well?", {}, options);
    EXPECT_EQ(scored(alone).front().logprob, together[i].logprob);
    double before_its_end = 0;
    for (const ScoredToken& token : alone.likelihoods) before_its_end += token.written.logprob;
    EXPECT_LT(together[i].logprob, before_its_end);
  }
}

TEST_F(FormsTest, TextsAreScoredAlikeWhateverAsksAndHoweverManyDo) {
  GenerationOptions options = with(colour_form());
  options.scored_texts = {"red", "a green one", "blue", ""};
  const std::vector<double> alone = logprobs(scored(Chat(model_).ask("Well?", {}, options)));
  Engine engine(model_);
  std::vector<Chat> chats;
  for (int i = 0; i < 12; ++i) chats.emplace_back(model_);
  std::vector<PendingAnswer> pending;
  for (Chat& chat : chats) pending.push_back(engine.ask(chat, "Well?", {}, options));
  for (PendingAnswer& one : pending) EXPECT_EQ(logprobs(scored(one.get())), alone);
  Completions completions(model_, kPlenty);
  const std::vector<CompletionMessage> messages = {{Role::kUser, {{"Well?"}}}};
  EXPECT_EQ(logprobs(scored(completions.ask(messages, {}, options)->get())), alone);
  EXPECT_EQ(scored(LiveChat(model_).ask("Well?", options)).size(), alone.size());
}

TEST_F(FormsTest, TextsThatDoNotFitAreNotScored) {
  GenerationOptions options = with(colour_form());
  options.scored_texts = {"red", ""};
  for (int64_t i = 0; i < model_.context_length(); ++i) options.scored_texts[1] += " 7\n";
  Chat chat(model_);
  EXPECT_THROW(chat.ask("Well?", {}, options), UsageError);
  options.scored_texts = {"\xff"};
  EXPECT_THROW(chat.ask("Well?", {}, options), InputError);
  EXPECT_EQ(chat.ask("Well?", {}, with(colour_form())).scored_texts.size(), 0U);
}

TEST_F(FormsTest, LivePicturesAreAnsweredAboutInThem) {
  LiveChat chat(model_);
  expect_colour(chat.ask("Which colour?", with(colour_form())));
}

}  // namespace
}  // namespace owl3
