// Probabilities of texts as the whole answer, against each being read anew from the prompt's
// beginning.
#include "generate/text_scoring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "tiny_model.h"

namespace owl3 {
namespace {

using Texts = std::vector<std::vector<int32_t>>;

const Texts kTexts = {{7, 8, 9}, {7, 8}, {}, {7, 8, 9, 10, 11}, {12}, {7, 8, 9}, {8, 7}};
const std::vector<int32_t> kStops = {3, 5, 3, -1, 1'000'000};

class Scoring : public testing::TestWithParam<const char*> {
 protected:
  TinyModel& tiny() { return tiny_model(GetParam()); }
  const GoldenPrompt& prompt() { return tiny().prompts().at("interleaved"); }

  Generated answer(const Texts& texts, const GenerationOptions& options = plain_options(4),
                   const std::vector<int32_t>& stops = kStops, const KeepGoing& go_on = {}) {
    GenerationRequest request;
    request.prompt = prompt().ids;
    request.stop_tokens = stops;
    request.options = options;
    request.scored_texts = texts;
    Sequence sequence = tiny().place_images(prompt());
    const Tensor logits = prefill(tiny().model(), sequence, prompt().ids);
    return generate(tiny().model(), sequence, logits, std::move(request), go_on);
  }

  /// Of the token behind the prompt and these, in double, by token.
  std::vector<double> log_probabilities_behind(std::span<const int32_t> read) {
    std::vector<int32_t> ids = prompt().ids;
    ids.insert(ids.end(), read.begin(), read.end());
    Sequence sequence = tiny().place_images(prompt());
    const Tensor logits = prefill(tiny().model(), sequence, ids);
    double sum = 0;
    for (int64_t i = 0; i < logits.size(); ++i) sum += std::exp(double{logits.f32()[i]});
    std::vector<double> all;
    for (int64_t i = 0; i < logits.size(); ++i) {
      all.push_back(double{logits.f32()[i]} - std::log(sum));
    }
    return all;
  }

  double read_anew(const std::vector<int32_t>& text) {
    double sum = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto next = static_cast<size_t>(text[i]);
      sum += log_probabilities_behind(std::span(text).first(i)).at(next);
    }
    const std::vector<double> behind = log_probabilities_behind(text);
    return sum + std::log(std::exp(behind[3]) + std::exp(behind[5]));
  }
};

INSTANTIATE_TEST_SUITE_P(Models, Scoring, testing::Values("gated-tied", "unified"), model_name);

TEST_P(Scoring, IsTheProductOverAllTokensAndTheEnd) {
  const std::vector<double> scores = answer(kTexts).text_logprobs;
  ASSERT_EQ(scores.size(), kTexts.size());
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], read_anew(kTexts[i]), 1e-4);
  EXPECT_EQ(scores[0], scores[5]) << "the same text";
}

TEST_P(Scoring, OfATextDependsOnNoOther) {
  const std::vector<double> together = answer(kTexts).text_logprobs;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    EXPECT_EQ(answer({kTexts[i]}).text_logprobs, std::vector<double>{together[i]}) << i;
  }
}

TEST_P(Scoring, OfAllTokensSumsToOne) {
  Texts texts;  // more than are read in a step
  for (int32_t token = 0; token < tiny().model().config().vocab_size; ++token) {
    texts.push_back({token});
  }
  ASSERT_GT(std::ssize(texts), 2 * kMaxBeams);
  for (const int64_t beams : {int64_t{1}, kMaxBeams}) {
    double sum = 0;
    for (const double score : answer(texts, plain_options(3, beams), {}).text_logprobs) {
      sum += std::exp(score);
    }
    EXPECT_NEAR(sum, 1, 1e-6) << "where nothing ends an answer";
  }
}

TEST_P(Scoring, ChangesNoAnswer) {
  GenerationOptions sampled;
  sampled.temperature = 3;
  sampled.max_new_tokens = 9;
  for (const GenerationOptions& options :
       {plain_options(1), plain_options(9), plain_options(9, 3), sampled}) {
    const Generated plain = answer({}, options);
    const Generated scored = answer(kTexts, options);
    EXPECT_EQ(scored.ids, plain.ids);
    EXPECT_EQ(scored.end, plain.end);
    EXPECT_EQ(scored.text_logprobs, answer(kTexts).text_logprobs);
    EXPECT_TRUE(plain.text_logprobs.empty());
  }
}

TEST_P(Scoring, TakesAsManyStepsAsTheLongestTextHasTokens) {
  GenerationRequest request;
  request.prompt = prompt().ids;
  request.options = plain_options(1);
  request.scored_texts = kTexts;
  Sequence sequence = tiny().place_images(prompt());
  Tensor logits = prefill(tiny().model(), sequence, prompt().ids);
  const auto generation = make_generation(tiny().model().config(), sequence, std::move(request));
  generation->take(logits);
  std::vector<size_t> rows;
  while (!generation->ended()) {
    std::vector<SequenceRows> step;
    generation->add_rows(step);
    rows.push_back(step.size());
    generation->take(tiny().model().decoder().next_logits(step));
  }
  // 7, 8 and 12; then 7 8 and 8 7; then what goes on behind 7 8
  EXPECT_EQ(rows, (std::vector<size_t>{3, 2, 1, 1, 1}));
}

TEST_P(Scoring, ThatIsStoppedTellsNothing) {
  int calls = 0;
  const Generated stopped = answer(kTexts, plain_options(9), kStops, [&] { return ++calls < 8; });
  EXPECT_EQ(stopped.end, GenerationEnd::kCallback);
  EXPECT_TRUE(stopped.text_logprobs.empty());
}

}  // namespace
}  // namespace owl3
