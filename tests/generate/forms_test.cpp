// Answers with a form: whatever the model says, greedy, sampled or by beams, they have it.
#include <gtest/gtest.h>

#include <cmath>

#include "constraint/answer_forms.h"
#include "core/error.h"
#include "formats/syllable_tokenizer.h"
#include "generate/generate.h"
#include "generate/sampler.h"
#include "tiny_model.h"

namespace owl3 {
namespace {

/// Of fewer tokens than the golden checkpoints have.
const Tokenizer& tokenizer() {
  static const Tokenizer made = Tokenizer::from_json(make_syllable_tokenizer(390), "syllables");
  return made;
}

int32_t end_of_answer() {
  return tokenizer().id_of_added_token("<|im_end|>").value();
}

std::shared_ptr<AnswerConstraint> compiled(const AnswerForm& form) {
  static AnswerForms forms(tokenizer());
  return forms.get(form);
}

AnswerForm choices(std::vector<std::string> texts) {
  AnswerForm form;
  form.choices = std::move(texts);
  return form;
}
AnswerForm regex(const std::string& pattern) {
  AnswerForm form;
  form.regex = pattern;
  return form;
}
AnswerForm schema(const std::string& text) {
  AnswerForm form;
  form.schema = text;
  return form;
}

/// Their answers are at most some forty tokens long.
std::vector<AnswerForm> short_forms() {
  return {choices({"yes", "yes, but", "no", "unclear"}), regex("[a-z]{3,6} (go|stay)!?"),
          schema(R"({"type":"object","properties":{"size":{"type":"integer","minimum":0,)"
                 R"("maximum":99},"good":{"type":"boolean"}},"required":["size","good"],)"
                 R"("additionalProperties":false})")};
}

class Forms : public testing::TestWithParam<const char*> {
 protected:
  TinyModel& tiny() { return tiny_model(GetParam()); }
  const GoldenPrompt& prompt() { return tiny().prompts().at("interleaved"); }

  GenerationRequest request(const AnswerForm& form, GenerationOptions options) {
    GenerationRequest made;
    made.prompt = prompt().ids;
    made.stop_tokens = {end_of_answer()};
    made.options = std::move(options);
    made.constraint = compiled(form);
    return made;
  }
  Generated answer(const GenerationRequest& request) {
    Sequence sequence = tiny().place_images(prompt());
    const Tensor logits = prefill(tiny().model(), sequence, prompt().ids);
    return generate(tiny().model(), sequence, logits, request);
  }
  /// Logits behind the prompt and these, everything read anew.
  std::vector<float> logits_behind(const std::vector<int32_t>& ids) {
    std::vector<int32_t> all = prompt().ids;
    all.insert(all.end(), ids.begin(), ids.end());
    Sequence sequence = tiny().place_images(prompt());
    const Tensor logits = prefill(tiny().model(), sequence, all);
    return {logits.f32(), logits.f32() + logits.size()};
  }
  std::string text_of(const Generated& answer) { return tokenizer().decode(answer.ids); }
};

INSTANTIATE_TEST_SUITE_P(Models, Forms, testing::Values("gated-tied", "unified"), model_name);

GenerationOptions sampled(uint64_t seed, int64_t tokens = 60) {
  GenerationOptions options;
  options.max_new_tokens = tokens;
  options.temperature = 3;
  options.repetition_penalty = 1.3;
  options.presence_penalty = -0.5;
  options.seed = seed;
  return options;
}

TEST_P(Forms, AnswersHaveThemHoweverTheyAreDrawn) {
  std::vector<GenerationOptions> ways = {plain_options(60), plain_options(60, 2),
                                         plain_options(60, 5)};
  for (uint64_t seed = 0; seed < 5; ++seed) ways.push_back(sampled(seed));
  ways.back().top_k = 3;
  ways.push_back(plain_options(60, 3));
  ways.back().repetition_penalty = 1.2;
  for (const AnswerForm& form : short_forms()) {
    AnswerGrammar grammar(form);
    for (const GenerationOptions& options : ways) {
      const Generated got = answer(request(form, options));
      EXPECT_EQ(got.end, GenerationEnd::kStopToken) << text_of(got);
      EXPECT_TRUE(grammar.accepts(text_of(got)))
          << text_of(got) << " beams " << options.num_beams << " seed " << options.seed;
    }
  }
}

TEST_P(Forms, GreedyAnswersAreTheLikeliestAllowedTokensForcedOrNot) {
  for (const AnswerForm& form : short_forms()) {
    const GenerationRequest asked = request(form, plain_options(60));
    const Generated got = answer(asked);
    ConstrainedAnswer walk(asked.constraint);
    std::vector<int32_t> ids;
    while (!walk.ended()) {
      std::vector<float> logits = logits_behind(ids);
      const TokenMask allowed = allowed_tokens(asked, walk);
      const int32_t token = Sampler(asked.options).choose(logits, {}, 0, &allowed);
      if (token == end_of_answer()) break;
      ids.push_back(token);
      walk.accept(token);
      ASSERT_LE(ids.size(), 60U);
    }
    EXPECT_EQ(got.ids, ids) << text_of(got);
  }
}

TEST_P(Forms, LikelihoodsAreToldOfForcedTokensTooAndChangeNone) {
  for (const AnswerForm& form : short_forms()) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      GenerationRequest asked = request(form, sampled(seed));
      const Generated plain = answer(asked);
      std::vector<int32_t> told;
      asked.options.likeliest = 2;
      asked.on_choice = [&](const TokenChoice& choice) { told.push_back(choice.chosen.token); };
      EXPECT_EQ(answer(asked).ids, plain.ids);
      EXPECT_EQ(told, plain.ids);
    }
  }
}

TEST_P(Forms, AnAnswerEndsWhereNothingElseMayCome) {
  for (const int64_t beams : {1, 3}) {
    GenerationRequest asked = request(choices({"stay"}), plain_options(60, beams));
    asked.stop_tokens.clear();
    const Generated got = answer(asked);
    EXPECT_EQ(text_of(got), "stay");
    EXPECT_EQ(got.end, GenerationEnd::kStopToken);
  }
}

TEST_P(Forms, AnAnswerThatIsCutSaysSo) {
  const AnswerForm form = regex("(ba|be){40}");
  for (const int64_t beams : {1, 3}) {
    const Generated got = answer(request(form, plain_options(5, beams)));
    EXPECT_EQ(got.end, GenerationEnd::kLength);
    EXPECT_EQ(got.ids.size(), 5U);
  }
  const size_t whole = answer(request(form, plain_options(100))).ids.size();
  const Generated just = answer(request(form, plain_options(static_cast<int64_t>(whole))));
  EXPECT_EQ(just.end, GenerationEnd::kStopToken) << "the limit is where it ends anyhow";
}

TEST_P(Forms, BeamsPreferWholeAnswersAtTheLimit) {
  for (const std::string ending : {"", "!*"}) {  // with the second, the whole one may go on
    const Generated got = answer(request(regex("q" + ending + "|z{60}"), plain_options(2, 2)));
    EXPECT_EQ(text_of(got).front(), 'q') << ending;
  }
}

TEST_P(Forms, BeamSearchGoesOnWithASequenceThatFits) {
  const AnswerForm form = short_forms().back();
  Sequence sequence = tiny().place_images(prompt());
  const Tensor logits = prefill(tiny().model(), sequence, prompt().ids);
  const Generated got =
      generate(tiny().model(), sequence, logits, request(form, plain_options(60, 3)));
  std::vector<int32_t> ids = prompt().ids;
  ids.insert(ids.end(), got.ids.begin(), got.ids.end());
  const auto read = static_cast<size_t>(sequence.cache.length());
  ASSERT_GE(read, prompt().ids.size());
  ASSERT_LT(read, ids.size());
  const Tensor after = prefill(tiny().model(), sequence, std::span(ids).subspan(read));
  const std::vector<float> anew = logits_behind(got.ids);
  for (size_t i = 0; i < anew.size(); ++i) EXPECT_NEAR(after.f32()[i], anew[i], 1e-3);
}

TEST(AllowedTokens, HaveStopTokensWhereTheAnswerIsCompleteOnly) {
  GenerationRequest request;
  const int32_t letter = tokenizer().encode_words("b").front();
  request.stop_tokens = {end_of_answer(), letter, 1'000'000, -1};
  ConstrainedAnswer answer(compiled(regex("a[ab]{0,2}")));
  TokenMask allowed = allowed_tokens(request, answer);
  EXPECT_FALSE(allowed.has(end_of_answer()));
  EXPECT_FALSE(allowed.has(letter));
  const int32_t first = tokenizer().encode_words("a").front();
  ASSERT_TRUE(allowed.has(first));
  answer.accept(first);
  allowed = allowed_tokens(request, answer);
  EXPECT_TRUE(allowed.has(end_of_answer()));
  EXPECT_TRUE(allowed.has(first));

  ConstrainedAnswer only_b(compiled(regex("b[bc]?")));
  EXPECT_THROW(allowed_tokens(request, only_b), InputError) << "which would end the answer";
}

TEST(KeepAllowed, LeavesNothingElseToAnySampler) {
  TokenMask allowed(40);
  for (const int32_t token : {3, 17, 39}) allowed.add(token);
  std::vector<int32_t> seen = {0, 3, 5, 50};
  for (const double temperature : {0.5, 100.0}) {
    for (const int64_t top_k : {0, 1, 2, 20}) {
      for (const double top_p : {0.1, 1.0}) {
        GenerationOptions options;
        options.temperature = temperature;
        options.top_k = top_k;
        options.top_p = top_p;
        options.repetition_penalty = 1.5;
        options.frequency_penalty = -2;
        Sampler sampler(options);
        for (int i = 0; i < 50; ++i) {
          std::vector<float> logits(60);
          for (size_t id = 0; id < logits.size(); ++id) {
            logits[id] = 10 * std::sin(static_cast<float>(id + static_cast<size_t>(i)));
          }
          EXPECT_TRUE(allowed.has(sampler.choose(logits, seen, 2, &allowed)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace owl3
