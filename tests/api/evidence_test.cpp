// Evidence of answers: what it tells, that it changes nothing, and that reading again tells the
// same.
#include <gtest/gtest.h>

#include <numeric>

#include "api/attention_share.h"
#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "owl3/owl3.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(OWL3_TEST_DATA) / "images";

class EvidenceTest : public testing::TestWithParam<Variant> {
 protected:
  EvidenceTest() {
    CheckpointShape shape = checkpoint_shape("tiny");
    shape.variant = GetParam();
    write_random_checkpoint(folder_.path(), shape, {}, {});
    ModelOptions options;
    options.precision = Precision::kFloat32;
    options.threads = 1;
    model_.emplace(Model::load(folder_.path(), options));
    ImageOptions whole;
    whole.cut = false;
    const std::vector<fs::path> paths = {kImages / "08-RGB-200x150.jpg",
                                         kImages / "07-RGB-240x33.jpg",
                                         kImages / "12-RGB-900x280.jpg"};
    images_ = VisualMemory(*model_).add_images(paths, whole);
  }

  static GenerationOptions greedy(int64_t tokens, std::optional<EvidenceOptions> evidence = {}) {
    GenerationOptions options = generation_preset("greedy");
    options.max_new_tokens = tokens;
    options.evidence = evidence;
    return options;
  }

  ScratchFolder folder_;
  std::optional<Model> model_;
  std::vector<Medium> images_;
};

INSTANTIATE_TEST_SUITE_P(Variants, EvidenceTest,
                         testing::Values(Variant::kGated, Variant::kUnified),
                         [](const auto& test) { return std::string(name_of(test.param)); });

void expect_near(const Evidence& a, const Evidence& b, double tolerance = 1e-4) {
  ASSERT_EQ(a.weights.weights.size(), b.weights.weights.size());
  for (size_t i = 0; i < a.weights.weights.size(); ++i) {
    ASSERT_NEAR(a.weights.weights[i], b.weights.weights[i], tolerance) << i;
  }
  ASSERT_EQ(a.tokens.size(), b.tokens.size());
  for (size_t t = 0; t < a.tokens.size(); ++t) EXPECT_EQ(a.tokens[t].text, b.tokens[t].text);
  ASSERT_EQ(a.images.size(), b.images.size());
  for (size_t i = 0; i < a.images.size(); ++i) {
    EXPECT_NEAR(a.images[i].share, b.images[i].share, tolerance);
    EXPECT_EQ(a.images[i].heat_map.size(), b.images[i].heat_map.size());
  }
}

TEST_P(EvidenceTest, ComesWithTheAnswerAndChangesNoTokenOfIt) {
  Chat plain(*model_);
  Chat watched(*model_);
  const Answer without = plain.ask("Why?", images_, greedy(8));
  const Answer with = watched.ask("Why?", images_, greedy(8, EvidenceOptions{2}));
  EXPECT_FALSE(without.evidence);
  EXPECT_EQ(with.text, without.text);
  ASSERT_TRUE(with.evidence);
  const Evidence& evidence = *with.evidence;
  EXPECT_EQ(static_cast<int64_t>(evidence.tokens.size()), with.new_tokens);
  std::string text;
  for (const TokenEvidence& token : evidence.tokens) text += token.text;
  EXPECT_EQ(text, with.text);
  ASSERT_EQ(evidence.images.size(), 3u);
  double shares = 0;
  for (const ImageEvidence& image : evidence.images) shares += image.share;
  EXPECT_NEAR(shares, 1, 1e-6);
  EXPECT_GE(evidence.images[evidence.leading[0]].share, evidence.images[evidence.leading[2]].share);
  // Heat maps are of the leading images alone, and each is what the image got.
  for (size_t rank = 0; rank < 3; ++rank) {
    const ImageEvidence& image = evidence.images[evidence.leading[rank]];
    ASSERT_EQ(image.heat_map.empty(), rank == 2);
    if (rank == 2) continue;
    EXPECT_EQ(static_cast<int64_t>(image.heat_map.size()), evidence.grid_rows * evidence.grid_cols);
    const double heat = std::accumulate(image.heat_map.begin(), image.heat_map.end(), 0.0);
    EXPECT_NEAR(heat, image.attention, 1e-4);
  }
  const AttentionWeights& weights = evidence.weights;
  const auto parts = weights.layers.size() * static_cast<size_t>(weights.heads);
  EXPECT_EQ(weights.weights.size(), evidence.tokens.size() * parts * 3);
  EXPECT_EQ(weights.gates.size(), parts);
  for (size_t row = 0; row < weights.weights.size(); row += 3) {
    const double sum =
        double{weights.weights[row]} + weights.weights[row + 1] + weights.weights[row + 2];
    if (model_->variant() == "gated") {
      EXPECT_NEAR(sum, 1, 1e-4);
    } else {
      EXPECT_LT(sum, 1);
    }
  }
}

TEST_P(EvidenceTest, IsTheSameWhenTheAnswerIsReadAgain) {
  Chat chat(*model_);
  EXPECT_THROW(chat.why(), UsageError);
  chat.ask("Why?", {images_[0]}, greedy(4));
  const Answer answer =
      chat.ask("And now?", {images_[1], images_[2]}, greedy(6, EvidenceOptions{3}));
  EXPECT_EQ(answer.evidence->images.size(), 3u) << "those of earlier questions are seen too";
  EXPECT_EQ(answer.evidence->media[2].path(), images_[2].path());
  const int64_t tokens = chat.tokens();
  expect_near(chat.why({3}), *answer.evidence);
  EXPECT_EQ(chat.tokens(), tokens);
  // The conversation goes on as if nobody had asked.
  Chat other(*model_);
  other.ask("Why?", {images_[0]}, greedy(4));
  other.ask("And now?", {images_[1], images_[2]}, greedy(6));
  EXPECT_EQ(chat.ask("Well?", {}, greedy(6)).text, other.ask("Well?", {}, greedy(6)).text);
  chat.clear();
  EXPECT_THROW(chat.why(), UsageError);
  // An answer that somebody else gave is read, too.
  chat.add_exchange("Why?", {images_[0]}, "It is so.");
  std::string text;
  for (const TokenEvidence& token : chat.why().tokens) text += token.text;
  EXPECT_EQ(text, "It is so.");
}

TEST_P(EvidenceTest, IsOfTheBeamThatWon) {
  GenerationOptions beams = greedy(6, EvidenceOptions{1});
  beams.num_beams = 3;
  Chat chat(*model_);
  const Answer answer = chat.ask("Why?", images_, beams);
  ASSERT_EQ(static_cast<int64_t>(answer.evidence->tokens.size()), answer.new_tokens);
  expect_near(*answer.evidence, chat.why({1}));
}

TEST_P(EvidenceTest, IsTheSameInTheCompanyOfOthers) {
  Chat alone(*model_);
  const Answer expected = alone.ask("Why?", images_, greedy(12, EvidenceOptions{1}));
  Engine engine(*model_);
  std::vector<Chat> chats;
  for (int i = 0; i < 5; ++i) chats.emplace_back(*model_);
  std::vector<PendingAnswer> answers;
  for (size_t i = 0; i < chats.size(); ++i) {
    std::optional<EvidenceOptions> evidence;
    if (i % 2 == 0) evidence.emplace(EvidenceOptions{1});
    const std::vector<Medium> seen = i == 4 ? images_ : std::vector<Medium>(i, images_[i % 3]);
    answers.push_back(engine.ask(chats[i], "Why?", seen, greedy(12, evidence)));
  }
  for (size_t i = 0; i < chats.size(); ++i) {
    const Answer answer = answers[i].get();
    EXPECT_EQ(answer.evidence.has_value(), i % 2 == 0);
    if (i == 0) {
      EXPECT_TRUE(answer.evidence->images.empty()) << "text alone has none";
      EXPECT_EQ(static_cast<int64_t>(answer.evidence->tokens.size()), answer.new_tokens);
    }
    if (i == 4) expect_near(*answer.evidence, *expected.evidence, 1e-5);
  }
}

TEST_P(EvidenceTest, IsOfWhatWasShownOfAnAnswerCutShort) {
  int pieces = 0;
  Chat chat(*model_);
  const auto stop = [&](std::string_view piece) { return piece.empty() || ++pieces < 3; };
  const Answer answer = chat.ask("Why?", images_, greedy(40, EvidenceOptions{0}), stop);
  EXPECT_EQ(answer.stop_reason, StopReason::kInterrupted);
  EXPECT_EQ(static_cast<int64_t>(answer.evidence->tokens.size()), answer.new_tokens);
  expect_near(*answer.evidence, chat.why({0}));
}

TEST(AttentionShare, CountsAHeadThatPicksAnImageOutMoreThanOneThatLooksEverywhere) {
  AttentionWeights weights;
  weights.layers = {1};
  weights.heads = 3;
  weights.images = 3;
  weights.gates = {1, 1, 0};
  // One looks at the nearest more than elsewhere whatever is asked, one picks; one is shut off.
  weights.weights = {0.3f, 0.3f, 0.4f, 0.0f, 0.9f, 0.1f, 1.0f, 0.0f, 0.0f};
  const std::vector<double> shares = shares_of(attention_strength(weights, 0));
  EXPECT_NEAR(shares[0], 0.09 / 1.16, 1e-6);
  EXPECT_NEAR(shares[1], 0.90 / 1.16, 1e-6);
  const std::vector<float> means = mean_attention(weights, 0);
  EXPECT_NEAR(means[1], 1.2 / 3, 1e-6);
  EXPECT_EQ(shares_of({0, 0}), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace owl3
