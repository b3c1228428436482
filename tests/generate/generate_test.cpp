// Prefill and the generation loop on the golden checkpoints.
#include "generate/generate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tiny_model.h"

namespace owl3 {
namespace {

class Answers : public testing::TestWithParam<const char*> {
 protected:
  TinyModel& tiny() { return tiny_model(GetParam()); }
  Owl3Model& model() { return tiny().model(); }
  const GoldenPrompt& prompt(const char* name) { return tiny().prompts().at(name); }

  Generated answer(const GoldenPrompt& prompt, const GenerationRequest& request) {
    Sequence sequence = tiny().place_images(prompt);
    const Tensor logits = prefill(model(), sequence, prompt.ids);
    return generate(model(), sequence, logits, request);
  }
  GenerationRequest request(const GoldenPrompt& prompt, GenerationOptions options) {
    GenerationRequest made;
    made.prompt = prompt.ids;
    made.options = std::move(options);
    return made;
  }
};

INSTANTIATE_TEST_SUITE_P(Models, Answers, testing::Values("gated-tied", "gated-untied", "unified"),
                         model_name);

TEST_P(Answers, GreedyAnswersAreTheGoldenOnes) {
  for (const auto& [name, golden] : tiny().prompts()) {
    const Generated got = answer(golden, request(golden, plain_options(12)));
    EXPECT_EQ(got.ids, golden.greedy) << name;
    EXPECT_EQ(got.end, GenerationEnd::kLength);
  }
}

TEST_P(Answers, TopKOneIsGreedy) {
  GenerationOptions options = plain_options(12);
  options.do_sample = true;
  options.top_k = 1;
  const GoldenPrompt& golden = prompt("interleaved");
  EXPECT_EQ(answer(golden, request(golden, options)).ids, golden.greedy);
}

TEST_P(Answers, TheSameSeedGivesTheSameAnswer) {
  GenerationOptions options;
  options.max_new_tokens = 20;
  options.temperature = 1.5;
  options.seed = 7;
  const GoldenPrompt& golden = prompt("interleaved");
  const Generated first = answer(golden, request(golden, options));
  EXPECT_EQ(answer(golden, request(golden, options)).ids, first.ids);
  options.seed = 8;
  EXPECT_NE(answer(golden, request(golden, options)).ids, first.ids);
}

TEST_P(Answers, StopTokensEndTheAnswerAndAreNotPartOfIt) {
  const GoldenPrompt& golden = prompt("interleaved");
  GenerationRequest with_stop = request(golden, plain_options(12));
  with_stop.stop_tokens = {golden.greedy[4], 0};
  const Generated got = answer(golden, with_stop);
  EXPECT_EQ(got.ids, std::vector<int32_t>(golden.greedy.begin(), golden.greedy.begin() + 4));
  EXPECT_EQ(got.end, GenerationEnd::kStopToken);
}

TEST_P(Answers, CallbacksSeeEveryTokenAndEndTheAnswerWithTheirs) {
  const GoldenPrompt& golden = prompt("interleaved");
  GenerationRequest calling = request(golden, plain_options(12));
  std::vector<int32_t> told;
  calling.on_token = [&](int32_t token) {
    told.push_back(token);
    return told.size() < 3;
  };
  const Generated got = answer(golden, calling);
  EXPECT_EQ(got.ids, std::vector<int32_t>(golden.greedy.begin(), golden.greedy.begin() + 3));
  EXPECT_EQ(told, got.ids);
  EXPECT_EQ(got.end, GenerationEnd::kCallback);
}

// Whenever the answer is interrupted, a conversation can go on from what the sequence holds.
TEST_P(Answers, AnInterruptedAnswerKeepsWhatIsDecided) {
  const GoldenPrompt& golden = prompt("one-image");
  for (int allowed = 0; allowed < 50; allowed += 7) {
    Sequence sequence = tiny().place_images(golden);
    const Tensor logits = prefill(model(), sequence, golden.ids);
    int asked = 0;
    const Generated got = generate(model(), sequence, logits, request(golden, plain_options(12)),
                                   [&] { return asked++ < allowed; });
    EXPECT_EQ(got.end, GenerationEnd::kCallback);
    std::vector<int32_t> ids = golden.ids;
    ids.insert(ids.end(), got.ids.begin(), got.ids.end());
    const auto read = static_cast<size_t>(sequence.cache.length());
    ASSERT_LT(read, ids.size() + 1);
    ids.insert(ids.end(), golden.greedy.begin() + static_cast<std::ptrdiff_t>(got.ids.size()),
               golden.greedy.end() - 1);
    const Tensor after = prefill(model(), sequence, std::span(ids).subspan(read));
    const float* row = after.f32();
    EXPECT_EQ(std::max_element(row, row + after.size()) - row, golden.greedy.back());
  }
}

TEST_P(Answers, TheAnswerEndsWithTheContext) {
  Sequence sequence = tiny().place_images(prompt("text-only"));
  const int64_t context = model().config().max_position_embeddings;
  GenerationOptions options = plain_options(1 << 30);
  EXPECT_EQ(answer_limit(model().config(), sequence, options), context);
  prefill(model(), sequence, prompt("text-only").ids);
  EXPECT_EQ(answer_limit(model().config(), sequence, options), context - 12);
  EXPECT_EQ(answer_limit(model().config(), sequence, plain_options(5)), 5);
}

// The same checkpoint with a context of 15 tokens, of which the prompt takes 12.
class ShortContext : public testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path from = std::filesystem::path(OWL3_TEST_DATA) / "model/gated-tied";
    folder_ = testing::TempDir() + "owl3-short-context-" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    std::filesystem::copy_file(from / "model.safetensors", folder_ / "model.safetensors");
    std::ifstream config(from / "config.json");
    auto json = nlohmann::json::parse(config);
    json["max_position_embeddings"] = 15;
    std::ofstream(folder_ / "config.json") << json;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(ShortContext, EndsGreedyAnswersAndBeamSearch) {
  Owl3Model model(Checkpoint::open(folder_), std::make_unique<CpuBackend>(),
                  ModelOptions{Precision::kFloat32});
  const GoldenPrompt& golden = tiny_model("gated-tied").prompts().at("text-only");
  for (const int64_t beams : {1, 3}) {
    GenerationRequest request;
    request.prompt = golden.ids;
    request.options = plain_options(100, beams);
    Sequence sequence = model.decoder().new_sequence();
    const Tensor logits = prefill(model, sequence, golden.ids);
    const Generated got = generate(model, sequence, logits, request);
    EXPECT_EQ(got.ids.size(), 3u);
    EXPECT_EQ(got.end, GenerationEnd::kLength);

    std::vector<int32_t> ids = golden.ids;
    ids.insert(ids.end(), got.ids.begin(), got.ids.end());
    const auto read = static_cast<size_t>(sequence.cache.length());
    const Tensor last = prefill(model, sequence, std::span(ids).subspan(read));
    EXPECT_TRUE(generate(model, sequence, last, request).ids.empty());
    EXPECT_THROW(prefill(model, sequence, golden.ids), UsageError);
  }
}

TEST_P(Answers, RefusesOptionsThatMakeNoSense) {
  const GoldenPrompt& golden = prompt("text-only");
  GenerationOptions options = plain_options(12);
  options.top_p = 2;
  EXPECT_THROW(answer(golden, request(golden, options)), UsageError);
}

std::vector<int32_t> long_text(int64_t tokens, int64_t vocabulary) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) {
    ids.push_back(static_cast<int32_t>(3 + (i * 7919) % (vocabulary - 3)));
  }
  return ids;
}

TEST_P(Answers, PrefillDoesNotDependOnItsChunks) {
  const std::vector<int32_t> ids = long_text(2 * kPrefillChunk + 37, model().config().vocab_size);
  Sequence chunked = model().decoder().new_sequence();
  const Tensor a = prefill(model(), chunked, ids);
  Sequence whole = model().decoder().new_sequence();
  const Tensor hidden = model().decoder().forward(whole, ids);
  const Tensor b = model().decoder().logits(hidden.rows(hidden.dim(0) - 1, hidden.dim(0)));
  ASSERT_EQ(a.shape(), (Shape{1, model().config().vocab_size}));
  for (int64_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a.f32()[i], b.f32()[i], 1e-3);
}

TEST_P(Answers, InterruptedPrefillLeavesWholeChunksAndCanGoOn) {
  const std::vector<int32_t> ids = long_text(3 * kPrefillChunk, model().config().vocab_size);
  Sequence untouched = model().decoder().new_sequence();
  const Tensor expected = prefill(model(), untouched, ids);
  for (int allowed : {0, 1, 4, 9, 13}) {
    Sequence sequence = model().decoder().new_sequence();
    int64_t reported = 0;
    int asked = 0;
    EXPECT_THROW(prefill(model(), sequence, ids,
                         [&](int64_t done, int64_t total) {
                           EXPECT_EQ(total, 3 * kPrefillChunk);
                           reported = done;
                           return asked++ < allowed;
                         }),
                 Interrupted);
    const int64_t read = sequence.cache.length();
    EXPECT_EQ(read % kPrefillChunk, 0);
    EXPECT_EQ(read, reported);
    const Tensor logits =
        prefill(model(), sequence, std::span(ids).subspan(static_cast<size_t>(read)));
    for (int64_t i = 0; i < logits.size(); ++i) {
      EXPECT_EQ(logits.f32()[i], expected.f32()[i]);
    }
  }
}

TEST_P(Answers, PrefillRefusesMoreThanTheContextAndSaysHowMuch) {
  const int64_t context = model().config().max_position_embeddings;
  const std::vector<int32_t> ids(static_cast<size_t>(context) + 1, 5);
  Sequence sequence = model().decoder().new_sequence();
  try {
    prefill(model(), sequence, ids);
    FAIL();
  } catch (const UsageError& e) {
    const std::string message = e.what();
    EXPECT_NE(message.find(std::to_string(context + 1) + " tokens"), std::string::npos) << message;
    EXPECT_NE(message.find(std::to_string(context)), std::string::npos) << message;
  }
  EXPECT_EQ(sequence.cache.length(), 0);
  EXPECT_THROW(prefill(model(), sequence, {}), UsageError);
}

TEST(ChunkEnds, AreAtCutsAndWhereChunksAreFull) {
  using Ends = std::vector<int64_t>;
  EXPECT_EQ(chunk_ends(0), Ends{});
  EXPECT_EQ(chunk_ends(512), Ends{512});
  EXPECT_EQ(chunk_ends(1100), (Ends{512, 1024, 1100}));
  const Ends cuts = {10, 600, 600, 700};
  EXPECT_EQ(chunk_ends(1300, cuts), (Ends{10, 522, 600, 700, 1212, 1300}));
  EXPECT_EQ(chunk_ends(650, cuts), (Ends{10, 522, 600, 650}));
  EXPECT_EQ(chunk_ends(700, cuts), (Ends{10, 522, 600, 700}));
}

}  // namespace
}  // namespace owl3
