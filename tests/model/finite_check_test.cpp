// Not a number is never an answer, in whichever weight it stands and whatever kernels compute.
#include "model/finite_check.h"

#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "core/scratch_folder.h"
#include "formats/broken_weights.h"
#include "formats/conversion_plan.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/random_checkpoint.h"
#include "formats/tensor_names.h"
#include "generate/sampler.h"
#include "model/owl3_model.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;
using test::Bad;
using test::put_bad;

constexpr int32_t kNextToken = 15;

/// How a model is computed.
struct Setting {
  const char* name;
  ModelOptions options;
  const cpu::Kernels* kernels;
};

/// The plainest kernels in float32, the best ones with products in bf16 where the processor has
/// them, and int8 wherever there is a choice. (Kernels by themselves: tests/backend/.)
std::vector<Setting> settings() {
  const cpu::KernelList list = cpu::runnable_kernels();
  ModelOptions int8;
  int8.vision_int8 = true;
  int8.visual_memory_int8 = true;
  return {{"float32", {Precision::kFloat32}, list.tables[0]},
          {"bf16", {Precision::kBFloat16}, list.tables[list.count - 1]},
          {"int8", int8, nullptr}};
}

/// Encodes an image, reads a prompt with it and a token more, as a conversation does.
void answer(const fs::path& path, const Setting& setting) {
  CpuOptions cpu;
  cpu.threads = 1;
  cpu.kernels = setting.kernels;
  if (setting.options.precision == Precision::kFloat32) {
    cpu.matrix_product = MatrixProduct::kFloat32;
  }
  ModelOptions options = setting.options;
  options.threads = 1;
  Owl3Model model(Checkpoint::open(path), std::make_unique<CpuBackend>(cpu), options);
  const int64_t size = model.config().vision.image_size;
  Tensor pixels = make_tensor(DType::kF32, {1, 3, size, size});
  for (int64_t i = 0; i < pixels.size(); ++i) {
    pixels.f32()[i] = static_cast<float>(i % 255) / 127.5f - 1;
  }
  Sequence sequence = model.decoder().new_sequence();
  sequence.images.push_back({2, model.remember_images(pixels).front()});
  const std::vector<int32_t> ids = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  const Tensor logits = model.decoder().logits(model.decoder().forward(sequence, ids));
  for (int64_t i = 0; i < logits.size(); ++i) ASSERT_TRUE(std::isfinite(logits.f32()[i]));
  model.decoder().logits(model.decoder().forward(sequence, {&kNextToken, 1}));
}

/// A row of the embedding that the prompt holds; of other tensors somewhere in the middle.
int64_t place_in(const ExpectedTensor& tensor, int64_t size) {
  return tensor.name.ends_with("embed_tokens.weight") ? 8 * tensor.shape[1] + 3 : size * 2 / 3;
}

std::string weights_of(const fs::path& path) {
  return (fs::is_directory(path) ? path / "model.safetensors" : path).string();
}

/// Puts a bad value into one tensor after the other; every answer must be refused by its name.
void expect_every_tensor_is_named(const fs::path& path, const Setting& setting, Bad bad) {
  const std::string file = weights_of(path);
  const std::string sound = read_text(file);
  ASSERT_NO_THROW(answer(path, setting)) << setting.name;
  std::vector<ExpectedTensor> expected;
  std::map<std::string, int64_t> sizes;
  {
    const Checkpoint checkpoint = Checkpoint::open(path);
    expected = expected_tensors(checkpoint.config(), checkpoint.variant());
    for (const auto& tensor : expected) sizes[tensor.name] = checkpoint.tensor(tensor.name).size();
  }
  for (const ExpectedTensor& tensor : expected) {
    put_bad(file, tensor.name, place_in(tensor, sizes[tensor.name]), bad);
    const std::string message = message_of<InputError>([&] { answer(path, setting); });
    EXPECT_TRUE(message.starts_with(file + ": tensor " + tensor.name + " holds "))
        << setting.name << ", " << tensor.name << ": " << message;
    std::ofstream(file, std::ios::binary) << sound;
  }
}

class FiniteCheckTest : public testing::TestWithParam<Bad> {
 protected:
  fs::path random_checkpoint(Variant variant, DType dtype = DType::kBF16) const {
    CheckpointShape shape = checkpoint_shape("tiny");
    shape.variant = variant;
    RandomCheckpointOptions options;
    options.dtype = dtype;
    write_random_checkpoint(folder_.path(), shape, options, nullptr);
    return folder_.path();
  }
  fs::path converted(DType type) const {
    const Checkpoint checkpoint = Checkpoint::open(random_checkpoint(Variant::kGated));
    ConversionOptions options;
    options.type = type;
    options.vision = DType::kQ8_0;
    write_gguf(folder_ / "small.gguf", checkpoint,
               plan_conversion(checkpoint.config(), checkpoint.variant(), options),
               make_gguf_metadata(checkpoint, "x", type), 1, {});
    return folder_ / "small.gguf";
  }

  const ScratchFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(EveryValue, FiniteCheckTest,
                         testing::Values(Bad::kNan, Bad::kMinusInfinity), [](const auto& test) {
                           return test.param == Bad::kNan ? "NaN" : "MinusInfinity";
                         });

TEST_P(FiniteCheckTest, ABadValueInAnyTensorOfAGatedModelIsNamed) {
  const fs::path model = random_checkpoint(Variant::kGated);
  for (const Setting& setting : settings()) {
    expect_every_tensor_is_named(model, setting, GetParam());
  }
}

TEST_P(FiniteCheckTest, ABadValueInAnyTensorOfAUnifiedModelIsNamed) {
  expect_every_tensor_is_named(random_checkpoint(Variant::kUnified), settings()[1], GetParam());
}

TEST_P(FiniteCheckTest, ABadValueInHalfPrecisionIsNamed) {
  expect_every_tensor_is_named(random_checkpoint(Variant::kGated, DType::kF16), settings()[0],
                               GetParam());
}

TEST_P(FiniteCheckTest, ABadScaleInAnyQuantisedTensorIsNamed) {
  expect_every_tensor_is_named(converted(DType::kQ8_0), settings()[1], GetParam());
  expect_every_tensor_is_named(converted(DType::kQ4_0), settings()[2], GetParam());
}

TEST_P(FiniteCheckTest, ATokenThatComesLaterIsNamedWhenItComes) {
  const fs::path model = random_checkpoint(Variant::kGated);
  const std::string name = "language_model.model.embed_tokens.weight";
  put_bad(weights_of(model), name, 300 * 128, GetParam());  // a token that nobody says
  EXPECT_NO_THROW(answer(model, settings()[0]));
  put_bad(weights_of(model), name, kNextToken * 128 + 5, GetParam());
  const std::string message = message_of<InputError>([&] { answer(model, settings()[0]); });
  EXPECT_NE(message.find("tensor " + name + " holds"), std::string::npos) << message;
}

TEST(FiniteCheck, SoundWeightsThatOverflowAreNotCalledBroken) {
  const ScratchFolder folder;
  write_random_checkpoint(folder.path(), checkpoint_shape("tiny"), {}, nullptr);
  const std::string layer = "language_model.model.layers.2";
  test::put_value(folder / "model.safetensors", layer + ".mlp.down_proj.weight", 9, 3e38f);
  const std::string message = message_of<InputError>([&] { answer(folder.path(), settings()[1]); });
  EXPECT_EQ(message, folder.path().string() + ": values of " + layer +
                         " overflow, though its weights are finite; try --precision float32");
}

}  // namespace
}  // namespace owl3
