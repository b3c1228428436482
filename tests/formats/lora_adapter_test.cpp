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

/// The refusal of an adapter whose config has these further keys; empty when it loads.
std::string verdict_on(const std::string& more) {
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}}, {.more = ", " + more});
  try {
    load_lora_adapter(folder.path(), 1);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(LoraAdapter, OfAnotherKindIsRefusedByItsKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"use_dora", "true"},
      {"use_qalora", "true"},
      {"fan_in_fan_out", "true"},
      {"lora_bias", "true"},
      {"bias", R"("all")"},
      {"bias", R"("lora_only")"},
      {"modules_to_save", R"(["vision2text_model"])"},
      {"alpha_pattern", R"({"q_proj": 3})"},
      {"layer_replication", "[[0, 2], [1, 3]]"},
      {"target_parameters", R"(["experts.down_proj"])"},
      {"trainable_token_indices", "[151643]"},
      {"trainable_token_indices", R"({"embed_tokens": [1]})"},
      {"alora_invocation_tokens", "[151644, 77091]"},
  };
  for (const auto& [key, value] : cases) {
    const std::string refusal = verdict_on(fmt::format("\"{}\": {}", key, value));
    expect_part(refusal, "adapter_config.json: ");
    expect_part(refusal, fmt::format("{} is ", key));
    EXPECT_EQ(refusal.find('\n'), refusal.npos);
  }
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  folder.write("adapter_config.json", R"({"peft_type": "IA3", "r": 4, "lora_alpha": 8})");
  expect_part(refusal(folder), "peft_type must be LORA, not \"IA3\"");
  folder.write("adapter_config.json", R"({"peft_type": "LORA", "r": 0, "lora_alpha": 8})");
  expect_part(refusal(folder), "r is 0");
  folder.write("adapter_config.json", R"({"peft_type": "LORA", "r": 4})");
  expect_part(refusal(folder), "lora_alpha is missing");
}

TEST(LoraAdapter, OfAChangedBaseIsRefused) {
  for (const char* how :
       {"pissa", "PiSSA", "pissa_niter_16", "olora", "loftq", "corda", "lora_ga"}) {
    const std::string refusal = verdict_on(fmt::format(R"("init_lora_weights": "{}")", how));
    expect_part(refusal, fmt::format("init_lora_weights is \"{}\"", how));
    expect_part(refusal, "base whose weights were changed");
    const bool can_be_saved_plain = std::string_view("pPoc").find(how[0]) != std::string_view::npos;
    EXPECT_EQ(refusal.find("save it as plain LoRA") != refusal.npos, can_be_saved_plain) << how;
  }
  expect_part(verdict_on(R"("init_lora_weights": "fresh")"), "owl3 doesn't know whether");
  for (const char* how :
       {"true", "false", "null", R"("gaussian")", R"("eva")", R"("orthogonal")"}) {
    EXPECT_EQ(verdict_on(fmt::format(R"("init_lora_weights": {})", how)), "");
  }
}

TEST(LoraAdapter, WithAnUnknownKeyIsRefusedOnlyWhereItIsSet) {
  for (const char* value : {"true", "3", R"("half")", "[0]", R"({"a": 1})"}) {
    const std::string refusal = verdict_on(fmt::format("\"use\\u0007new\": {}", value));
    expect_part(refusal, R"(adapter_config.json: "use\u0007new" is set; owl3 doesn't know)");
  }
  expect_part(verdict_on(R"("arrow_config": {"top_k": 3})"), "arrow_config\" is set");
  expect_part(verdict_on(R"("ensure_weight_tying": true)"), "ensure_weight_tying\" is set");
  for (const char* value : {"null", "false", R"("")", "[]", "{}"}) {
    EXPECT_EQ(verdict_on(fmt::format("\"use_new\": {}", value)), "");
  }
}

TEST(LoraAdapter, WithAPatternThatSaysNothingLoads) {
  // write_adapter's rank is 4, its alpha 6.
  EXPECT_EQ(verdict_on(R"("alpha_pattern": {"q_proj": 6, "k_proj": 6.0})"), "");
  EXPECT_EQ(verdict_on(R"("alpha_pattern": null)"), "");
  expect_part(verdict_on(R"("alpha_pattern": {"q_proj": 6, "k_proj": 7})"), "alpha_pattern is set");
  expect_part(verdict_on(R"("alpha_pattern": [6])"), "alpha_pattern is set");
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  folder.write("adapter_config.json",
               R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "rank_pattern": {"q_proj": 2}})");
  expect_part(refusal(folder), "rank_pattern is set");
}

// What save_pretrained writes, by versions of PEFT, and what ms-swift adds.
TEST(LoraAdapter, OfEveryPeftsOwnConfigLoads) {
  const std::string v6 =
      R"("auto_mapping": null, "base_model_name_or_path": "mPLUG/mPLUG-Owl3-7B-241101",
         "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
         "layers_pattern": null, "layers_to_transform": null, "lora_dropout": 0.05,
         "modules_to_save": null, "revision": null, "alpha_pattern": {},
         "task_type": "CAUSAL_LM")";
  const std::string v10 = v6 + R"(, "loftq_config": {}, "megatron_config": null,
      "megatron_core": "megatron.core", "layer_replication": null, "use_dora": false)";
  const std::string v15 = v10 + R"(, "exclude_modules": null, "eva_config": null,
      "corda_config": null, "lora_bias": false, "trainable_token_indices": null)";
  const std::string v18 = v15 + R"(, "use_qalora": false, "qalora_group_size": 16,
      "target_parameters": null, "alora_invocation_tokens": null, "arrow_config": null,
      "ensure_weight_tying": false, "peft_version": "0.18.0")";
  const std::string swift = v10 + R"(, "lora_dtype": null, "lorap_emb_lr": 1e-06,
      "lorap_lr_ratio": 16.0, "model_key_mapping": null, "swift_type": "LORA")";
  for (const std::string& config : {v6, v10, v15, v18, swift}) EXPECT_EQ(verdict_on(config), "");
  // Set, and yet of no influence on what is computed.
  EXPECT_EQ(verdict_on(R"("layers_to_transform": [0, 1], "layers_pattern": "layers",
      "exclude_modules": ["lm_head"], "loftq_config": {"loftq_bits": 4}, "revision": "main",
      "auto_mapping": {"base_model_class": "mPLUGOwl3Model", "unsloth_fixed": true},
      "eva_config": {"rho": 2.0})"),
            "");
}

TEST(LoraAdapter, NeedsNoWrapperAroundItsNames) {
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  for (const char* wrapper : {"base_model.model.", "base_model.", "model.", ""}) {
    for (const char* adapter : {"", ".default"}) {
      const auto name = [&](const char* side) {
        return fmt::format("{}{}.lora_{}{}.weight", wrapper, kQuery, side, adapter);
      };
      write_floats(folder / "adapter_model.safetensors",
                   {{name("A"), DType::kF32, {4, 8}}, {name("B"), DType::kF32, {8, 4}}},
                   [](const TensorSpec&) { return std::vector<float>(32, 1.0f); });
      const LoraAdapter loaded = load_lora_adapter(folder.path(), 1);
      ASSERT_EQ(loaded.layers.size(), 1u);
      EXPECT_EQ(loaded.layers.begin()->first, kQuery);
    }
  }
  const std::string bare = std::string(kQuery) + ".lora_A.weight";
  write_floats(folder / "adapter_model.safetensors",
               {{bare, DType::kF32, {4, 8}}, {"base_model.model." + bare, DType::kF32, {4, 8}}},
               [](const TensorSpec&) { return std::vector<float>(32, 1.0f); });
  expect_part(refusal(folder), "are of the same layer");
}

TEST(LoraAdapter, WithWholeWeightsBesideItIsRefused) {
  for (const char* name : {"vit.safetensors", "non_lora_trainables.bin"}) {
    const ScratchFolder folder;
    write_adapter(folder.path(), {{kQuery, 8, 8}});
    folder.write(name, "weights");
    expect_part(refusal(folder), std::string(name) + ": weights that were trained beside");
  }
}

TEST(LoraAdapter, InPyTorchsFormatSaysWhatToDo) {
  const ScratchFolder folder;
  write_adapter(folder.path(), {{kQuery, 8, 8}});
  // Beside the safetensors it is of no use, and no harm.
  folder.write("adapter_model.bin", "PK");
  EXPECT_EQ(load_lora_adapter(folder.path(), 1).layers.size(), 1u);
  std::filesystem::remove(folder / "adapter_model.safetensors");
  expect_part(refusal(folder), "adapter_model.bin: PyTorch .bin files are not read; save it as");
  EXPECT_EQ(refusal(folder).find('\n'), std::string::npos);
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
  write(layer + ".lora_B.bias");
  expect_part(refusal(folder), ".q_proj.lora_B.bias\" is no");
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
