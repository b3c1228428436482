// LoRA adapter files: what is read, and what is refused by name.
#include "formats/lora_adapter.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

constexpr const char* kQuery = "language_model.model.layers.0.self_attn.q_proj";

std::string refusal(const ScratchFolder& folder) {
  return message_of<InputError>([&] { load_lora_adapter(folder.path(), 1); });
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(LoraAdapter, HasTheScaleThatPeftComputes) {
  const ScratchFolder folder;
  AdapterSettings settings;
  settings.rank = 16;
  settings.alpha = 32;
  write_adapter(folder.path(), {{kQuery, 8, 8}}, settings);
  EXPECT_DOUBLE_EQ(load_lora_adapter(folder.path(), 1).scale, 2);
  EXPECT_DOUBLE_EQ(load_lora_adapter(folder.path(), 0.5).scale, 1);
  settings.rslora = true;
  write_adapter(folder.path(), {{kQuery, 8, 8}}, settings);
  EXPECT_DOUBLE_EQ(load_lora_adapter(folder.path(), 1).scale, 8);
}

TEST(LoraAdapter, OfAnotherKindIsRefusedByItsKey) {
  const ScratchFolder folder;
  for (const char* key : {"use_dora", "fan_in_fan_out"}) {
    write_adapter(folder.path(), {{kQuery, 8, 8}}, {.more = fmt::format(", \"{}\": true", key)});
    expect_part(refusal(folder), key);
  }
  write_adapter(folder.path(), {{kQuery, 8, 8}}, {.more = R"(, "alpha_pattern": {"q_proj": 3})"});
  expect_part(refusal(folder), "alpha_pattern is set");
  folder.write("adapter_config.json", R"({"peft_type": "IA3", "r": 4, "lora_alpha": 8})");
  expect_part(refusal(folder), "peft_type must be LORA, not \"IA3\"");
  folder.write("adapter_config.json", R"({"peft_type": "LORA", "r": 0, "lora_alpha": 8})");
  expect_part(refusal(folder), "r is 0");
  folder.write("adapter_config.json", R"({"peft_type": "LORA", "r": 4})");
  expect_part(refusal(folder), "lora_alpha is missing");
}

TEST(LoraAdapter, WithTensorsOfOtherMethodsIsRefusedByTheirNames) {
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  const auto write = [&](const std::string& name) {
    write_floats(folder / "adapter_model.safetensors", {{name, DType::kF32, {4, 8}}},
                 [](const TensorSpec&) { return std::vector<float>(32, 1.0f); });
  };
  const std::string layer = std::string("base_model.model.") + kQuery;
  write(layer + ".lora_magnitude_vector");
  expect_part(refusal(folder), ".q_proj.lora_magnitude_vector\" is no");
  write(std::string(kQuery) + ".lora_A.weight");
  expect_part(refusal(folder), std::string(kQuery) + ".lora_A.weight\" is no");
  write("base_model.model..lora_A.weight");
  EXPECT_NE(refusal(folder), "");
  write(layer + ".lora_A.weight");
  expect_part(refusal(folder), layer + ".lora_B.weight\" is missing");
}

TEST(LoraAdapter, WithoutItsFilesIsRefused) {
  const ScratchFolder folder;
  expect_part(message_of<InputError>([&] { load_lora_adapter(folder / "none", 1); }), "no folder");
  expect_part(refusal(folder), "adapter_config.json");
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  std::filesystem::remove(folder / "adapter_model.safetensors");
  expect_part(refusal(folder), "adapter_model.safetensors");
  write_adapter(folder.path(), {});
  expect_part(refusal(folder), "holds no tensor");
}

TEST(LoraAdapter, ThatDoesNotFitIsRefusedByTheTensor) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder / "tiny");
  write_random_checkpoint(folder / "tiny", checkpoint_shape("tiny"), {}, nullptr);
  const Checkpoint tiny = Checkpoint::open(folder / "tiny");
  const auto refusal_of = [&](const std::string& layer, int64_t inputs, int64_t outputs) {
    write_adapter(folder / "adapter", {{layer, inputs, outputs}});
    const LoraAdapter adapter = load_lora_adapter(folder / "adapter", 1);
    return message_of<InputError>([&] { check_lora_adapter(adapter, tiny); });
  };
  expect_part(refusal_of(kQuery, 64, 128), ".q_proj.lora_A.weight\" has shape [4, 64], but this");
  expect_part(refusal_of(kQuery, 128, 64), ".q_proj.lora_B.weight\" has shape [64, 4], but this");
  expect_part(refusal_of("language_model.model.layers.9.self_attn.q_proj", 128, 128),
              "layers.9.self_attn.q_proj.lora_A.weight\" changes no linear layer");
  // Tables and convolutions are no linear layers, whatever their shapes.
  for (const char* layer :
       {"language_model.model.embed_tokens", "language_model.model.norm",
        "vision_model.embeddings.patch_embedding", "vision_model.embeddings.position_embedding"}) {
    expect_part(refusal_of(layer, 128, 512), "changes no linear layer");
  }
  // The encoder's last layer is trained by some and never computed.
  write_adapter(folder / "adapter", {{"vision_model.encoder.layers.2.mlp.fc1", 144, 304}});
  check_lora_adapter(load_lora_adapter(folder / "adapter", 1), tiny);
}

}  // namespace
}  // namespace owl3
