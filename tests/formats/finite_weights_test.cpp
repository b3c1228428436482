#include "formats/finite_weights.h"

#include <cmath>

#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/broken_weights.h"
#include "formats/conversion_plan.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/lora_adapter.h"
#include "formats/quantise.h"
#include "formats/random_checkpoint.h"
#include "formats/tensor_names.h"

namespace owl3 {
namespace {

using test::Bad;
using test::put_bad;
namespace fs = std::filesystem;

constexpr DType kAllTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ8_0,
                               DType::kQ4_0, DType::kQ4_K, DType::kQ6_K};

TEST(FiniteWeights, SoundWeightsOfEveryTypeAreNumbers) {
  for (const DType type : kAllTypes) {
    std::vector<float> x(1024);
    for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * 60000;
    x[3] = 0;
    x[700] = -0.0f;
    x[701] = 1e-7f;
    std::vector<std::byte> blocks(bytes_of(type, 1024));
    quantise(type, x.data(), blocks.data(), 1024);
    EXPECT_FALSE(find_not_a_number(type, blocks.data(), 1024)) << name_of(type);
  }
}

TEST(FiniteWeights, OneBadValueIsFoundWhereverItLies) {
  const uint16_t half_nan = 0x7e01, half_infinity = 0xfc00, bf16_nan = 0xff81;
  const uint32_t nan = 0x7f800001, infinity = 0xff800000;
  for (const int64_t at : {0, 1, 16, 255, 1023}) {
    std::vector<uint32_t> words(1024, 0x7f7fffff);  // the largest float32
    words[static_cast<size_t>(at)] = nan;
    auto found = find_not_a_number(DType::kF32, words.data(), 1024);
    ASSERT_TRUE(found) << at;
    EXPECT_EQ(found->index, at);
    EXPECT_TRUE(found->is_nan);
    words[static_cast<size_t>(at)] = infinity;
    EXPECT_FALSE(find_not_a_number(DType::kF32, words.data(), 1024)->is_nan);

    std::vector<uint16_t> halves(1024, 0x7bff);
    halves[static_cast<size_t>(at)] = half_nan;
    EXPECT_TRUE(find_not_a_number(DType::kF16, halves.data(), 1024)->is_nan);
    halves[static_cast<size_t>(at)] = half_infinity;
    found = find_not_a_number(DType::kF16, halves.data(), 1024);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->index, at);
    EXPECT_FALSE(found->is_nan);
    halves.assign(1024, 0x7f7f);
    halves[static_cast<size_t>(at)] = bf16_nan;
    EXPECT_TRUE(find_not_a_number(DType::kBF16, halves.data(), 1024)->is_nan);
  }
}

TEST(FiniteWeights, AScaleThatIsNoNumberIsFoundInEveryBlockType) {
  struct Place {
    DType type;
    size_t scale;  // its place in a block
  };
  for (const auto& [type, scale] :
       {Place{DType::kQ8_0, 0}, Place{DType::kQ4_0, 0}, Place{DType::kQ4_K, 0},
        Place{DType::kQ4_K, 2}, Place{DType::kQ6_K, 208}}) {
    const int64_t values = 8 * block_values(type);
    std::vector<uint8_t> blocks(bytes_of(type, values));
    EXPECT_FALSE(find_not_a_number(type, blocks.data(), values));
    const uint16_t infinity = 0x7c00;
    std::memcpy(blocks.data() + 5 * block_bytes(type) + scale, &infinity, 2);
    const auto found = find_not_a_number(type, blocks.data(), values);
    ASSERT_TRUE(found) << name_of(type);
    EXPECT_EQ(found->index, 5 * block_values(type));
    EXPECT_FALSE(found->is_nan);
  }
}

/// A tiny checkpoint in one file.
class TinyCheckpoint : public testing::Test {
 protected:
  TinyCheckpoint() {
    write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, nullptr);
  }
  fs::path weights() const { return folder_ / "model.safetensors"; }

  const ScratchFolder folder_;
};

TEST_F(TinyCheckpoint, EveryTensorThatIsUsedIsLookedAt) {
  const Checkpoint sound = Checkpoint::open(folder_.path());
  EXPECT_TRUE(find_broken_tensors(sound, "", 2).empty());
  const auto expected = expected_tensors(sound.config(), sound.variant());
  for (const ExpectedTensor& wanted : expected) {
    put_bad(weights(), wanted.name, sound.tensor(wanted.name).size() - 1, Bad::kNan);
  }
  const auto broken = find_broken_tensors(Checkpoint::open(folder_.path()), "", 2);
  EXPECT_EQ(broken.size(), expected.size());
  EXPECT_EQ(broken.front().name, "language_model.model.embed_tokens.weight");
  EXPECT_EQ(broken.front().file, weights().string());
  EXPECT_EQ(find_broken_tensors(Checkpoint::open(folder_.path()), "vision2text_model.", 2).size(),
            2u);
}

TEST_F(TinyCheckpoint, AMessageNamesFileTensorAndPlace) {
  const std::string victim = "language_model.model.layers.2.mlp.up_proj.weight";
  put_bad(weights(), victim, 2 * 128 + 7, Bad::kMinusInfinity);
  const auto broken = find_broken_tensors(Checkpoint::open(folder_.path()), "language_model.", 1);
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_TRUE(broken[0].message().starts_with(weights().string() + ": tensor " + victim +
                                              " holds an infinity at [2, 7]; the file is broken"))
      << broken[0].message();
}

TEST_F(TinyCheckpoint, AScanCanBeInterrupted) {
  EXPECT_THROW(find_broken_tensors(Checkpoint::open(folder_.path()), "", 1,
                                   [](std::string_view, int64_t, int64_t) { return false; }),
               Interrupted);
}

/// Converts and returns the message of the refusal, or "" when there is none.
std::string converted(const fs::path& model, const fs::path& out,
                      const ConversionOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(model);
  try {
    write_gguf(out, checkpoint, plan_conversion(checkpoint.config(), checkpoint.variant(), options),
               make_gguf_metadata(checkpoint, "x", options.type), 2, {});
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST_F(TinyCheckpoint, NoTypeOfAConversionPassesABadValueOn) {
  const Checkpoint sound = Checkpoint::open(folder_.path());
  const std::string before = read_text(weights());
  const fs::path out = folder_ / "out.gguf";
  for (const ExpectedTensor& wanted : expected_tensors(sound.config(), sound.variant())) {
    put_bad(weights(), wanted.name, sound.tensor(wanted.name).size() / 2,
            wanted.shape.size() == 1 ? Bad::kInfinity : Bad::kNan);
    // Matrices are in bf16 already.
    const std::string message = converted(folder_.path(), out, {DType::kBF16, DType::kBF16, {}});
    EXPECT_TRUE(message.starts_with(weights().string() + ": tensor " + wanted.name + " holds "))
        << wanted.name << ": " << message;
    EXPECT_FALSE(fs::exists(out));
    folder_.write("model.safetensors", before);
  }
}

TEST_F(TinyCheckpoint, BrokenScalesOfBlocksAreNotPassedOn) {
  const fs::path out = folder_ / "out.gguf";
  const fs::path again = folder_ / "again.gguf";
  const std::string victim = "language_model.model.layers.1.self_attn.q_proj.weight";
  for (const DType type : {DType::kQ8_0, DType::kQ4_0}) {
    ASSERT_EQ(converted(folder_.path(), out, {type, DType::kBF16, {}}), "");
    put_bad(out, victim, 32 * 9, Bad::kNan);
    const auto broken = find_broken_tensors(Checkpoint::open(out), "", 2);
    ASSERT_EQ(broken.size(), 1u);
    EXPECT_EQ(broken[0].file, out.string());
    EXPECT_EQ(broken[0].first.index, 32 * 9);
    for (const DType to : {type, DType::kBF16}) {
      const std::string message = converted(out, again, {to, DType::kBF16, {}});
      EXPECT_TRUE(message.starts_with(out.string() + ": tensor " + victim)) << message;
    }
    fs::remove(out);
  }
}

TEST_F(TinyCheckpoint, AnAdaptersBadValueIsNamedWhenItIsLoaded) {
  const ScratchFolder adapter;
  const std::vector<AdaptedLayer> layers = linear_layers(Checkpoint::open(folder_.path()));
  for (const std::string factor : {"lora_A", "lora_B"}) {
    write_adapter(adapter.path(), layers);
    EXPECT_NO_THROW(load_lora_adapter(adapter.path(), 1));
    const std::string name = "base_model.model." + layers[5].name + "." + factor + ".weight";
    put_bad(adapter / "adapter_model.safetensors", name, 11, Bad::kInfinity);
    const std::string message =
        message_of<InputError>([&] { load_lora_adapter(adapter.path(), 1); });
    EXPECT_TRUE(message.starts_with((adapter / "adapter_model.safetensors").string())) << message;
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_NE(message.find("holds an infinity"), std::string::npos) << message;
  }
}

TEST_F(TinyCheckpoint, AValueTooLargeForATypeIsNotCalledBroken) {
  std::fstream file(weights(), std::ios::in | std::ios::out | std::ios::binary);
  const auto mapped = MappedFile::open(weights());
  const std::string victim = "language_model.model.layers.0.mlp.up_proj.weight";
  const TensorMap tensors = parse_safetensors(mapped->bytes(), mapped, "x");
  file.seekp(tensors.at(victim).data<const std::byte>() - mapped->bytes().data());
  const bf16 large = bf16::from_float(1e6f);
  file.write(reinterpret_cast<const char*>(&large), 2);
  file.close();
  const std::string message =
      converted(folder_.path(), folder_ / "out.gguf", {DType::kQ8_0, DType::kBF16, {}});
  EXPECT_NE(message.find(victim + " holds values too large for q8_0"), std::string::npos)
      << message;
  EXPECT_EQ(message.find("broken"), std::string::npos) << message;
  EXPECT_EQ(converted(folder_.path(), folder_ / "out.gguf",
                      {DType::kQ8_0, DType::kBF16, {{victim, DType::kF32}}}),
            "");
}

}  // namespace
}  // namespace owl3
