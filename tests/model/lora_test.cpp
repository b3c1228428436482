// LoRA adapters laid over a model: the same as weights with the adapter in them.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/lora_merge.h"
#include "formats/quantise.h"
#include "model/owl3_model.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(OWL3_TEST_DATA) / "model" / name;
}

ModelOptions with_adapter(const fs::path& folder, double scale = 1) {
  ModelOptions options{Precision::kFloat32};
  options.lora.push_back({folder, scale});
  return options;
}

/// Logits of a prompt about two images, whose memories are compared as well: through them the
/// vision encoder, the projector and v_kv_proj reach the text.
Tensor logits_of(const fs::path& path, const ModelOptions& options, int64_t tokens = 24) {
  CpuOptions cpu;
  cpu.threads = 2;
  cpu.matrix_product =
      options.precision == Precision::kFloat32 ? MatrixProduct::kFloat32 : MatrixProduct::kBFloat16;
  Owl3Model model(Checkpoint::open(path), std::make_unique<CpuBackend>(cpu), options);
  const int64_t side = model.config().vision.image_size;
  Tensor pixels = make_tensor(DType::kF32, {2, 3, side, side});
  for (int64_t i = 0; i < pixels.size(); ++i) {
    pixels.f32()[i] = std::sin(static_cast<float>(i) * 0.37f);
  }
  Sequence sequence = model.decoder().new_sequence();
  int64_t place = 1;
  for (const ImageMemoryPtr& image : model.remember_images(pixels)) {
    sequence.images.push_back({place++, image});
  }
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) ids.push_back(static_cast<int32_t>(5 + i * 31 % 300));
  return model.decoder().logits(model.decoder().forward(sequence, ids));
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(double{a.f32()[i]} - double{b.f32()[i]}));
  }
  return largest;
}

/// The checkpoint in float32 with scale * B A added to every matrix, in plain loops.
void write_merged(const fs::path& folder, const Checkpoint& checkpoint, const LoraAdapter& adapter,
                  double scale) {
  fs::copy_file(checkpoint.path() / "config.json", folder / "config.json");
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    specs.push_back({name, DType::kF32, tensor.shape()});
  }
  write_floats(folder / "model.safetensors", specs, [&](const TensorSpec& spec) {
    const Tensor& tensor = checkpoint.tensor(spec.name);
    std::vector<float> values(static_cast<size_t>(tensor.size()));
    dequantise(tensor.dtype(), tensor.raw(), values.data(), tensor.size());
    const std::string layer = spec.name.substr(0, spec.name.rfind('.'));
    const auto found = adapter.layers.find(layer);
    if (found == adapter.layers.end() || !spec.name.ends_with(".weight")) return values;
    const Tensor& a = found->second.a;
    const Tensor& b = found->second.b;
    for (int64_t row = 0; row < b.dim(0); ++row) {
      for (int64_t column = 0; column < a.dim(1); ++column) {
        double sum = 0;
        for (int64_t k = 0; k < a.dim(0); ++k) {
          sum += double{b.f32()[row * b.dim(1) + k]} * double{a.f32()[k * a.dim(1) + column]};
        }
        values[static_cast<size_t>(row * a.dim(1) + column)] += static_cast<float>(scale * sum);
      }
    }
    return values;
  });
}

class Lora : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(All, Lora, testing::Values("gated-tied", "gated-untied", "unified"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Lora, OverEveryLinearLayerEqualsMergedWeights) {
  const ScratchFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(golden(GetParam()));
  write_adapter(folder / "adapter", linear_layers(checkpoint));
  const LoraAdapter adapter = load_lora_adapter(folder / "adapter", 1);
  ASSERT_GT(adapter.layers.size(), 20u);
  fs::create_directories(folder / "merged");
  write_merged(folder / "merged", checkpoint, adapter, 1.5);  // alpha 6 / r 4
  const ModelOptions plain{Precision::kFloat32};
  const Tensor merged = logits_of(folder / "merged", plain);
  EXPECT_LT(
      largest_difference(logits_of(golden(GetParam()), with_adapter(folder / "adapter")), merged),
      1e-3);
  EXPECT_GT(largest_difference(logits_of(golden(GetParam()), plain), merged), 0.1);
}

TEST_P(Lora, WithZeroBChangesNothing) {
  const ScratchFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(golden(GetParam()));
  AdapterSettings settings;
  settings.b_size = 0;
  write_adapter(folder / "adapter", linear_layers(checkpoint), settings);
  const ModelOptions plain{Precision::kFloat32};
  const Tensor adapted = logits_of(golden(GetParam()), with_adapter(folder / "adapter"));
  EXPECT_EQ(largest_difference(adapted, logits_of(golden(GetParam()), plain)), 0);
}

TEST_P(Lora, MergedByConversionEqualsTheAdapter) {
  const ScratchFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(golden(GetParam()));
  write_adapter(folder / "a", linear_layers(checkpoint));
  AdapterSettings other;
  other.rank = 3;
  other.rslora = true;
  write_adapter(folder / "b", linear_layers(checkpoint), other);
  const std::vector<LoraAdapter> adapters = {load_lora_adapter(folder / "a", 1),
                                             load_lora_adapter(folder / "b", -0.5)};
  const ConversionOptions conversion = {DType::kBF16, DType::kBF16, {{"*", DType::kF32}}};
  write_gguf(folder / "merged.gguf", checkpoint,
             plan_conversion(checkpoint.config(), checkpoint.variant(), conversion),
             make_gguf_metadata(checkpoint, "test", conversion.type), 2, {}, adapters);
  ModelOptions options = with_adapter(folder / "a");
  options.lora.push_back({folder / "b", -0.5});
  EXPECT_LT(largest_difference(logits_of(golden(GetParam()), options),
                               logits_of(folder / "merged.gguf", {Precision::kFloat32})),
            1e-3);
}

TEST_P(Lora, ReachesTheTextThroughTheImagesAlone) {
  const Checkpoint checkpoint = Checkpoint::open(golden(GetParam()));
  const ModelOptions plain{Precision::kFloat32};
  for (const std::string part : {"v_kv_proj", "vision2text_model", "vision_model"}) {
    const ScratchFolder folder;
    std::vector<AdaptedLayer> layers;
    for (const AdaptedLayer& layer : linear_layers(checkpoint)) {
      if (layer.name.find(part) != std::string::npos) layers.push_back(layer);
    }
    ASSERT_FALSE(layers.empty()) << part;
    write_adapter(folder / "adapter", layers);
    EXPECT_GT(largest_difference(logits_of(golden(GetParam()), with_adapter(folder / "adapter")),
                                 logits_of(golden(GetParam()), plain)),
              1e-3)
        << part;
  }
}

TEST_P(Lora, HoldsInBFloat16AndOverRoundedVision) {
  const ScratchFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(golden(GetParam()));
  AdapterSettings settings;
  settings.rank = 5;  // no multiple of anything
  write_adapter(folder / "adapter", linear_layers(checkpoint), settings);
  const Tensor exact = logits_of(golden(GetParam()), with_adapter(folder / "adapter"));
  ModelOptions options = with_adapter(folder / "adapter");
  options.precision = Precision::kBFloat16;
  for (const bool int8 : {false, true}) {
    options.vision_int8 = int8;
    const Tensor rounded = logits_of(golden(GetParam()), options);
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < exact.size(); ++i) {
      ab += double{exact.f32()[i]} * double{rounded.f32()[i]};
      aa += double{exact.f32()[i]} * double{exact.f32()[i]};
      bb += double{rounded.f32()[i]} * double{rounded.f32()[i]};
    }
    // Weights may have 7 bits without VNNI: twice the error of x, so 5 / 2 of the errors' squares.
    const bool seven_bits = int8 && !__builtin_cpu_supports("avx512vnni");
    EXPECT_GT(ab / std::sqrt(aa * bb), seven_bits ? 0.9975 : 0.999)
        << (int8 ? "int8 vision" : "bf16");
  }
}

TEST(LoraOfATiedHead, IsLaidOverIt) {
  const ScratchFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(golden("gated-tied"));
  const ModelConfig& config = checkpoint.config();
  write_adapter(folder / "adapter",
                {{"language_model.lm_head", config.hidden_size, config.vocab_size}});
  EXPECT_GT(largest_difference(logits_of(golden("gated-tied"), with_adapter(folder / "adapter")),
                               logits_of(golden("gated-tied"), {Precision::kFloat32})),
            0.01);
  const std::string message = message_of<InputError>(
      [&] { check_mergeable(load_lora_adapter(folder / "adapter", 1), checkpoint); });
  EXPECT_NE(message.find("lm_head"), std::string::npos) << message;
}

TEST(LoraOfOneModel, IsRefusedByAnother) {
  const ScratchFolder folder;
  write_adapter(folder / "adapter", linear_layers(Checkpoint::open(golden("unified"))));
  const std::string message = message_of<InputError>(
      [&] { logits_of(golden("gated-tied"), with_adapter(folder / "adapter")); });
  EXPECT_NE(message.find("tensor \"base_model.model."), std::string::npos) << message;
}

}  // namespace
}  // namespace owl3
