#include "formats/random_checkpoint.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/scratch_folder.h"
#include "formats/checkpoint.h"
#include "formats/random_weights.h"
#include "formats/syllable_tokenizer.h"
#include "formats/tensor_names.h"

namespace owl3 {
namespace {

TEST(RandomWeights, DontDependOnHowTheyAreCut) {
  constexpr int64_t kFirst = 65000, kCount = 2000;  // across the border of a block
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    Tensor whole = make_tensor(dtype, {kCount});
    Tensor pieces = make_tensor(dtype, {kCount});
    fill_random(dtype, whole.raw(), kFirst, kCount, 7, 1.0f);
    for (int64_t i = 0; i < kCount; i += 100) {
      fill_random(dtype, pieces.rows(i, i + 100).raw(), kFirst + i, 100, 7, 1.0f);
    }
    EXPECT_EQ(std::memcmp(whole.raw(), pieces.raw(), whole.size_bytes()), 0);
  }
}

TEST(RandomWeights, HaveTheAskedForMoments) {
  constexpr int64_t kCount = 1 << 20;
  Tensor tensor = make_tensor(DType::kF32, {kCount});
  fill_random(DType::kF32, tensor.raw(), 0, kCount, random_key(1, "a"), 0.5f);
  double sum = 0, squares = 0, neighbours = 0, largest = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double x = tensor.f32()[i];
    sum += x;
    squares += x * x;
    neighbours += i > 0 ? x * tensor.f32()[i - 1] : 0;
    largest = std::max(largest, std::abs(x));
  }
  EXPECT_NEAR(sum / kCount, 0, 0.003);
  EXPECT_NEAR(std::sqrt(squares / kCount), 0.5, 0.003);
  EXPECT_NEAR(neighbours / squares, 0, 0.01);
  EXPECT_LT(largest, 0.5 * 3.5);
  EXPECT_GT(largest, 0.5 * 3);
}

TEST(RandomWeights, DifferByTensorAndSeed) {
  std::set<uint64_t> keys;
  for (const uint64_t seed : {0u, 1u}) {
    for (const char* name : {"a", "b", "ab", "ba"}) keys.insert(random_key(seed, name));
  }
  EXPECT_EQ(keys.size(), 8u);
}

/// The weights of a tiny checkpoint, as bytes of its one file.
std::string tiny_weights(int threads, uint64_t seed) {
  const ScratchFolder folder;
  RandomCheckpointOptions options;
  options.threads = threads;
  options.seed = seed;
  write_random_checkpoint(folder.path(), checkpoint_shape("tiny"), options, nullptr);
  return read_text(folder / "model.safetensors");
}

TEST(RandomCheckpoint, DependsOnTheSeedAndNotOnTheThreads) {
  const std::string weights = tiny_weights(1, 3);
  EXPECT_EQ(weights, tiny_weights(3, 3));
  EXPECT_NE(weights, tiny_weights(1, 4));
}

TEST(RandomCheckpoint, OpensInEveryVariantAndType) {
  for (const Variant variant : {Variant::kGated, Variant::kUnified}) {
    for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
      const ScratchFolder folder;
      CheckpointShape shape = checkpoint_shape("tiny");
      shape.variant = variant;
      RandomCheckpointOptions options;
      options.dtype = dtype;
      write_random_checkpoint(folder.path(), shape, options, nullptr);
      const Checkpoint checkpoint = Checkpoint::open(folder.path());
      EXPECT_EQ(checkpoint.variant(), variant);
      EXPECT_EQ(checkpoint.config().torch_dtype, name_of(dtype));
      EXPECT_EQ(checkpoint.generation_config().top_k, 100);
      EXPECT_TRUE(checkpoint.unknown_tensors().empty());
      EXPECT_GT(checkpoint.parameter_counts().unused, 0);
    }
  }
}

TEST(RandomCheckpoint, StopsWhenToldTo) {
  const ScratchFolder folder;
  EXPECT_THROW(write_random_checkpoint(folder.path(), checkpoint_shape("tiny"), {},
                                       [](std::string_view, int64_t, int64_t) { return false; }),
               Interrupted);
  EXPECT_FALSE(std::filesystem::exists(folder / "model.safetensors"));
}

TEST(RandomCheckpoint, CopiesAGivenTokenizer) {
  const ScratchFolder folder;
  RandomCheckpointOptions options;
  options.tokenizer = folder.write("given.json", "given");
  write_random_checkpoint(folder.path(), checkpoint_shape("tiny"), options, nullptr);
  EXPECT_EQ(read_text(folder / "tokenizer.json"), "given");
}

int64_t parameters(const CheckpointShape& shape) {
  int64_t count = 0;
  for (const auto& tensor : expected_tensors(shape.config, shape.variant)) {
    int64_t size = 1;
    for (const int64_t dimension : tensor.shape) size *= dimension;
    count += size;
  }
  return count;
}

TEST(CheckpointShape, HasTheReleasedModelsSizes) {
  // The language models' published sizes (0.494, 1.544 and 7.616 billion, vocabularies differing a
  // little) plus 0.40 billion of vision encoder and the new modules.
  EXPECT_NEAR(static_cast<double>(parameters(checkpoint_shape("1b"))) / 1e9, 0.89, 0.02);
  EXPECT_NEAR(static_cast<double>(parameters(checkpoint_shape("2b"))) / 1e9, 1.95, 0.02);
  EXPECT_NEAR(static_cast<double>(parameters(checkpoint_shape("7b-240728"))) / 1e9, 8.03, 0.05);
  EXPECT_NEAR(static_cast<double>(parameters(checkpoint_shape("7b-241101"))) / 1e9, 8.05, 0.05);
}

TEST(CheckpointShape, RefusesAnUnknownNameAndListsTheOthers) {
  const std::string message = message_of<UsageError>([] { checkpoint_shape("3b"); });
  EXPECT_NE(message.find("1b, 2b, 7b-240728, 7b-241101, tiny"), std::string::npos) << message;
}

TEST(SyllableTokenizer, FillsEveryIdOnce) {
  for (const int64_t text_tokens : {256, 300, 504, 151643}) {
    const auto json = nlohmann::json::parse(make_syllable_tokenizer(text_tokens));
    const auto& vocabulary = json["model"]["vocab"];
    ASSERT_EQ(vocabulary.size(), static_cast<size_t>(text_tokens));  // no word comes twice
    EXPECT_EQ(json["model"]["merges"].size(), static_cast<size_t>(text_tokens - 256));
    EXPECT_EQ(vocabulary["!"], 0);
    for (const auto& merge : json["model"]["merges"]) {
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      ASSERT_TRUE(vocabulary.contains(text.substr(0, space)) &&
                  vocabulary.contains(text.substr(space + 1)) &&
                  vocabulary.contains(text.substr(0, space) + text.substr(space + 1)));
    }
    EXPECT_EQ(json["added_tokens"][3]["content"], "<|image|>");
    EXPECT_EQ(json["added_tokens"][3]["id"], text_tokens + 3);
  }
}

}  // namespace
}  // namespace owl3
