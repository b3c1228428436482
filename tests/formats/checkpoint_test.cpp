#include "formats/checkpoint.h"

#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "formats/random_checkpoint.h"
#include "formats/safetensors.h"
#include "formats/tensor_names.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

fs::path golden(const char* name) {
  return fs::path(OWL3_TEST_DATA) / "model" / name;
}

/// A tiny checkpoint that tests may break.
class BreakableCheckpoint {
 public:
  explicit BreakableCheckpoint(Variant variant = Variant::kGated, uint64_t shard_bytes = 1 << 30) {
    CheckpointShape shape = checkpoint_shape("tiny");
    shape.variant = variant;
    RandomCheckpointOptions options;
    options.shard_bytes = shard_bytes;
    write_random_checkpoint(folder_.path(), shape, options, nullptr);
  }

  const ScratchFolder& folder() const { return folder_; }

  /// Rewrites model.safetensors with the tensors that `edit` leaves of the old ones.
  template <typename Edit>
  void edit_tensors(const Edit& edit) {
    TensorMap tensors = load_safetensors(folder_ / "model.safetensors");
    edit(tensors);
    std::vector<TensorSpec> specs;
    for (const auto& [name, tensor] : tensors)
      specs.push_back({name, tensor.dtype(), tensor.shape()});
    SafetensorsWriter writer(folder_ / "model.safetensors", specs);
    for (const TensorSpec& spec : writer.tensors()) {
      writer.write(tensors.at(spec.name).raw(), spec.size_bytes());
    }
    writer.commit();
  }
  /// Gives a tensor of model.safetensors a wrong name, in place.
  void misname(const std::string& tensor) { overwrite('"' + tensor + '"', '?', tensor); }
  void restore_name(const std::string& tensor) {
    overwrite("\"?" + tensor.substr(1) + '"', tensor[0], tensor);
  }
  template <typename Edit>
  void edit_json(const char* file, const Edit& edit) {
    auto json = nlohmann::json::parse(read_text(folder_ / file));
    edit(json);
    folder_.write(file, json.dump());
  }

  std::string refusal() const {
    const std::string message = message_of<InputError>([&] { Checkpoint::open(folder_.path()); });
    EXPECT_TRUE(message.starts_with(folder_.path().string())) << message;
    return message;
  }

 private:
  /// Puts `letter` in place of the first letter of the quoted name in the header.
  void overwrite(const std::string& quoted, char letter, const std::string& tensor) {
    const fs::path path = folder_ / "model.safetensors";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string header(1 << 16, ' ');
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    const size_t place = header.find(quoted);
    ASSERT_NE(place, std::string::npos) << tensor;
    file.seekp(static_cast<std::streamoff>(place + 1));
    file.put(letter);
  }

  ScratchFolder folder_;
};

testing::AssertionResult says(const std::string& message, std::string_view part) {
  if (message.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << message;
}

TEST(Checkpoint, OpensEveryGoldenCheckpoint) {
  const std::pair<const char*, Variant> goldens[] = {{"gated-tied", Variant::kGated},
                                                     {"gated-untied", Variant::kGated},
                                                     {"unified", Variant::kUnified}};
  for (const auto& [name, variant] : goldens) {
    const Checkpoint checkpoint = Checkpoint::open(golden(name));
    EXPECT_EQ(checkpoint.variant(), variant) << name;
    EXPECT_TRUE(checkpoint.unknown_tensors().empty()) << name;
    EXPECT_GT(checkpoint.parameter_counts().vision, 0) << name;
    EXPECT_EQ(checkpoint.weight_bytes(),
              static_cast<size_t>(checkpoint.parameter_counts().used()) * 2);
  }
  EXPECT_EQ(Checkpoint::open(golden("unified")).weight_files(), 2u);
  EXPECT_EQ(Checkpoint::open(golden("gated-tied")).tensor("vision2text_model.bias").dtype(),
            DType::kF16);
}

TEST(Checkpoint, CountsEveryPartOnce) {
  const Checkpoint checkpoint = Checkpoint::open(golden("gated-untied"));
  const ParameterCounts& counts = checkpoint.parameter_counts();
  int64_t all = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) all += tensor.size();
  EXPECT_EQ(counts.used() + counts.unused, all);
  EXPECT_EQ(counts.hyper, 3 * (128 * 128 + 128 + 128));
}

TEST(Checkpoint, ItsDigestIsThatOfItsContentWhereverItLies) {
  BreakableCheckpoint one, copy;
  const std::string digest = Checkpoint::open(one.folder().path()).sampled_digest();
  EXPECT_EQ(digest.size(), 16U);
  EXPECT_EQ(Checkpoint::open(copy.folder().path()).sampled_digest(), digest);
  copy.edit_tensors([](TensorMap& tensors) {
    Tensor changed = make_tensor(tensors.begin()->second.dtype(), tensors.begin()->second.shape());
    tensors.begin()->second = changed;  // zeros
  });
  EXPECT_NE(Checkpoint::open(copy.folder().path()).sampled_digest(), digest);
  one.edit_json("generation_config.json",
                [](nlohmann::json& json) { json["repetition_penalty"] = 1.5; });
  EXPECT_NE(Checkpoint::open(one.folder().path()).sampled_digest(), digest);
}

TEST(Checkpoint, NamesATensorItWasAskedForInVain) {
  const Checkpoint checkpoint = Checkpoint::open(golden("unified"));
  EXPECT_FALSE(checkpoint.contains("nothing"));
  EXPECT_THROW(checkpoint.tensor("nothing"), InputError);
}

TEST(Checkpoint, ExplainsAPathThatIsNoModelFolder) {
  const ScratchFolder folder;
  const auto refusal = [](const fs::path& path) {
    return message_of<InputError>([&] { Checkpoint::open(path); });
  };
  EXPECT_TRUE(says(refusal(folder / "missing"), "no such model folder"));
  EXPECT_TRUE(says(refusal(folder.write("file", "")), "neither a model folder nor a GGUF file"));
  EXPECT_TRUE(says(refusal(folder.path()), "no config.json"));
  EXPECT_TRUE(says(refusal(""), "the name of the model folder or .gguf file is empty"));
}

TEST(Checkpoint, ExplainsAFolderWithoutWeights) {
  const BreakableCheckpoint checkpoint;
  fs::remove(checkpoint.folder() / "model.safetensors");
  EXPECT_TRUE(says(checkpoint.refusal(), "neither model.safetensors nor"));
  checkpoint.folder().write("pytorch_model.bin", "x");
  EXPECT_TRUE(says(checkpoint.refusal(), "saved as safetensors"));
}

TEST(Checkpoint, EveryNeededTensorIsMissed) {
  for (const Variant variant : {Variant::kGated, Variant::kUnified}) {
    BreakableCheckpoint checkpoint(variant);
    const ModelConfig config = Checkpoint::open(checkpoint.folder().path()).config();
    for (const ExpectedTensor& wanted : expected_tensors(config, variant)) {
      if (wanted.name.ends_with("gate")) continue;  // without any, it would be the other variant
      checkpoint.misname(wanted.name);
      ASSERT_TRUE(says(checkpoint.refusal(), "lack tensor " + wanted.name));
      checkpoint.restore_name(wanted.name);
    }
  }
}

TEST(Checkpoint, NamesAMisshapenTensorWithBothShapes) {
  BreakableCheckpoint checkpoint;
  checkpoint.edit_tensors([](TensorMap& tensors) {
    Tensor& tensor = tensors.at("language_model.model.layers.1.self_attn.v_kv_proj.weight");
    tensor = tensor.reshaped({256, 64});
  });
  EXPECT_TRUE(says(checkpoint.refusal(),
                   "v_kv_proj.weight has shape [256, 64], but config.json implies [128, 128]"));
}

TEST(Checkpoint, OneMissingGateIsMissed) {
  BreakableCheckpoint checkpoint;
  checkpoint.edit_tensors(
      [](TensorMap& t) { t.erase("language_model.model.layers.3.self_attn.gate"); });
  EXPECT_TRUE(
      says(checkpoint.refusal(), "lack tensor language_model.model.layers.3.self_attn.gate"));
}

TEST(Checkpoint, RefusesProjectedGatesByName) {
  BreakableCheckpoint checkpoint;
  checkpoint.edit_tensors([](TensorMap& tensors) {
    tensors["language_model.model.layers.1.self_attn.gate_proj.weight"] =
        make_tensor(DType::kBF16, {128, 128});
  });
  EXPECT_TRUE(says(checkpoint.refusal(), "layers.1.self_attn.gate_proj.weight"));
}

TEST(Checkpoint, WithoutHyperLayersIsForThoseWhoAskForIt) {
  BreakableCheckpoint checkpoint(Variant::kUnified);
  checkpoint.edit_json("config.json", [](auto& json) { json["hyper_layers"] = json.array(); });
  EXPECT_NE(checkpoint.refusal().find("hyper_layers is empty"), std::string::npos);
  const auto source = CheckpointSource::open(checkpoint.folder().path());
  EXPECT_TRUE(Checkpoint::open(source, HyperLayers::kOptional).config().hyper_layers.empty());
}

TEST(Checkpoint, UnusedTensorsMayBeAbsent) {
  BreakableCheckpoint checkpoint;
  checkpoint.edit_tensors([](TensorMap& tensors) {
    std::erase_if(tensors, [](const auto& entry) {
      return entry.first.find("layers.2.layer_norm") != std::string::npos ||
             entry.first.starts_with("vision_model.head.") ||
             entry.first.starts_with("vision_model.post_layernorm.");
    });
  });
  EXPECT_TRUE(Checkpoint::open(checkpoint.folder().path()).unknown_tensors().empty());
}

TEST(Checkpoint, ListsTensorsItDoesNotKnow) {
  BreakableCheckpoint checkpoint;
  const std::string name = "language_model.model.layers.0.self_attn.rotary_emb.inv_freq";
  checkpoint.edit_tensors([&](TensorMap& t) { t[name] = make_tensor(DType::kF32, {16}); });
  EXPECT_EQ(Checkpoint::open(checkpoint.folder().path()).unknown_tensors(),
            std::vector<std::string>{name});
}

TEST(Checkpoint, WrongConfigsAreNamed) {
  BreakableCheckpoint checkpoint;
  checkpoint.folder().write("config.json", "{");
  EXPECT_TRUE(says(checkpoint.refusal(), "config.json: not valid JSON"));
  checkpoint.folder().write("config.json", "");
  EXPECT_TRUE(says(checkpoint.refusal(), "config.json: not valid JSON"));
}

TEST(Checkpoint, OddGenerationConfigsAreWarningsAndBrokenOnesErrors) {
  BreakableCheckpoint checkpoint;
  EXPECT_TRUE(Checkpoint::open(checkpoint.folder().path()).warnings().empty());
  checkpoint.folder().write("generation_config.json", R"({"top_p":7})");
  const Checkpoint opened = Checkpoint::open(checkpoint.folder().path());
  ASSERT_EQ(opened.warnings().size(), 1u);
  EXPECT_TRUE(says(opened.warnings()[0], "generation_config.json: top_p is 7, outside 0 to 1"));
  checkpoint.folder().write("generation_config.json", "{");
  EXPECT_TRUE(says(checkpoint.refusal(), "generation_config.json: not valid JSON"));
}

/// Rewrites a safetensors file with another tensor behind the rest: `bytes` of some dtype.
void append_foreign(const fs::path& path, const std::string& name, const std::string& dtype,
                    const std::string& shape, size_t bytes) {
  const std::string file = read_text(path);
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  std::string header = file.substr(8, length);
  header.erase(header.find_last_of('}'));
  const size_t data = file.size() - 8 - length;
  header += ",\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
            ",\"data_offsets\":[" + std::to_string(data) + "," + std::to_string(data + bytes) +
            "]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  length = header.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header << file.substr(file.size() - data) << std::string(bytes, '\x01');
}

TEST(Checkpoint, UnusedTensorsMayBeOfAnyType) {
  struct Foreign {
    const char* dtype;
    const char* shape;
    size_t bytes;
  };
  for (const auto& [dtype, shape, bytes] :
       {Foreign{"I64", "[1,16]", 128}, Foreign{"BOOL", "[3]", 3}, Foreign{"U8", "[5]", 5},
        Foreign{"F8_E4M3", "[2,2]", 4}, Foreign{"F8_E5M2", "[]", 1}, Foreign{"F64", "[2]", 16},
        Foreign{"C64", "[2]", 16}, Foreign{"F4", "[3,2]", 3}, Foreign{"F6_E2M3", "[4]", 3},
        Foreign{"I16", "[0]", 0}, Foreign{"X_OF_TOMORROW", "[7,7]", 11}}) {
    const BreakableCheckpoint checkpoint;
    const std::string name = "vision_model.embeddings.position_ids";
    append_foreign(checkpoint.folder() / "model.safetensors", name, dtype, shape, bytes);
    const Checkpoint opened = Checkpoint::open(checkpoint.folder().path());
    EXPECT_EQ(opened.unknown_tensors(), std::vector<std::string>{name}) << dtype;
    EXPECT_FALSE(opened.contains(name));
  }
  const BreakableCheckpoint checkpoint;
  append_foreign(checkpoint.folder() / "model.safetensors", "x", "I64", "[3]", 16);
  EXPECT_TRUE(says(checkpoint.refusal(), R"(tensor "x" of shape [3] does not fit its 16 bytes)"));
}

TEST(Checkpoint, AUsedTensorOfAnotherTypeIsNamedWithIt) {
  BreakableCheckpoint checkpoint;
  const std::string name = "language_model.model.layers.1.mlp.up_proj.weight";
  checkpoint.edit_tensors([&](TensorMap& t) { t.erase(name); });
  append_foreign(checkpoint.folder() / "model.safetensors", name, "F8_E4M3", "[352,128]",
                 352 * 128);
  EXPECT_TRUE(says(checkpoint.refusal(), "model.safetensors: tensor \"" + name +
                                             "\" has dtype \"F8_E4M3\"; only F32, F16"));
}

TEST(Checkpoint, AWeightFileThatIsWrittenToIsNoticed) {
  const BreakableCheckpoint checkpoint;
  const fs::path weights = checkpoint.folder() / "model.safetensors";
  const Checkpoint opened = Checkpoint::open(checkpoint.folder().path());
  EXPECT_NO_THROW(opened.check_unchanged());
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  EXPECT_TRUE(says(message_of<InputError>([&] { opened.check_unchanged(); }),
                   "model.safetensors: was changed while in use"));
  // One that is replaced stays what it was.
  const Checkpoint again = Checkpoint::open(checkpoint.folder().path());
  checkpoint.folder().write("new", read_text(weights));
  fs::rename(checkpoint.folder() / "new", weights);
  EXPECT_NO_THROW(again.check_unchanged());
}

class ShardedCheckpoint : public testing::Test {
 protected:
  ShardedCheckpoint() : checkpoint_(Variant::kUnified, 1 << 20) {}
  static constexpr const char* kIndex = "model.safetensors.index.json";

  BreakableCheckpoint checkpoint_;
};

TEST_F(ShardedCheckpoint, Opens) {
  const Checkpoint opened = Checkpoint::open(checkpoint_.folder().path());
  EXPECT_GT(opened.weight_files(), 2u);
  const auto files = nlohmann::json::parse(read_text(checkpoint_.folder() / kIndex))["weight_map"];
  const std::string file = files["vision2text_model.0.weight"];
  EXPECT_EQ(opened.file_of("vision2text_model.0.weight"), checkpoint_.folder() / file);
}

TEST_F(ShardedCheckpoint, ToleratesAWrongTotalSize) {
  checkpoint_.edit_json(kIndex, [](auto& json) { json["metadata"]["total_size"] = 1; });
  EXPECT_NO_THROW(Checkpoint::open(checkpoint_.folder().path()));
}

TEST_F(ShardedCheckpoint, NamesAMissingShard) {
  const auto files = nlohmann::json::parse(read_text(checkpoint_.folder() / kIndex))["weight_map"];
  const std::string shard = files["vision2text_model.0.weight"];
  fs::remove(checkpoint_.folder() / shard);
  EXPECT_TRUE(says(checkpoint_.refusal(), shard + ": missing"));
}

TEST_F(ShardedCheckpoint, RefusesFilesOutsideTheFolder) {
  for (const char* file : {"../model.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\nb"}) {
    checkpoint_.edit_json(kIndex, [&](auto& json) { json["weight_map"]["x"] = file; });
    EXPECT_TRUE(says(checkpoint_.refusal(), "beside the index")) << file;
  }
}

TEST_F(ShardedCheckpoint, NamesATensorThatItsShardLacks) {
  checkpoint_.edit_json(kIndex, [](auto& json) {
    json["weight_map"]["ghost"] = json["weight_map"]["vision2text_model.0.weight"];
  });
  EXPECT_TRUE(says(checkpoint_.refusal(), "lacks tensor ghost"));
}

TEST_F(ShardedCheckpoint, RefusesATensorInTwoShards) {
  SafetensorsWriter writer(
      checkpoint_.folder() / "again.safetensors",
      {{"vision2text_model.0.bias", DType::kF16, {1}}, {"y", DType::kF16, {1}}});
  writer.write("abcd", 4);
  writer.commit();
  checkpoint_.edit_json(kIndex, [](auto& json) { json["weight_map"]["y"] = "again.safetensors"; });
  EXPECT_TRUE(says(checkpoint_.refusal(), "vision2text_model.0.bias is in another shard"));
}

TEST_F(ShardedCheckpoint, RefusesABrokenIndex) {
  for (const char* index : {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{"a":1}})",
                            R"({"weight_map":{"a\nb":"c"}})"}) {
    checkpoint_.folder().write(kIndex, index);
    EXPECT_TRUE(says(checkpoint_.refusal(), kIndex)) << index;
  }
}

TEST_F(ShardedCheckpoint, ATruncatedShardIsNamed) {
  const auto shard = checkpoint_.folder() / "model-00001-of-00004.safetensors";
  ASSERT_TRUE(fs::exists(shard));
  fs::resize_file(shard, fs::file_size(shard) - 1);
  EXPECT_TRUE(says(checkpoint_.refusal(), "model-00001-of-00004.safetensors: tensor"));
}

}  // namespace
}  // namespace owl3
