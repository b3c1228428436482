// What the memory of an image depends on, and what it doesn't.
#include "memory/memory_key.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>

#include "api/impl.h"
#include "core/scratch_folder.h"
#include "formats/adapter_files.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

Sha256::Digest key_of(const Model& model) {
  return Internals::of(model).visual_key;
}

class MemoryKeyTest : public testing::Test {
 protected:
  MemoryKeyTest() { write_random_checkpoint(folder_.path(), checkpoint_shape("tiny"), {}, {}); }

  Sha256::Digest key(const ModelOptions& options = {}) const {
    return key_of(Model::load(folder_.path(), options));
  }
  /// With an adapter of those layers whose names have `part`.
  Sha256::Digest adapted(std::string_view part, double scale = 1) const {
    std::vector<AdaptedLayer> layers;
    for (const AdaptedLayer& layer : linear_layers(Checkpoint::open(folder_.path()))) {
      if (layer.name.find(part) != std::string::npos) layers.push_back(layer);
    }
    const ScratchFolder adapter;
    write_adapter(adapter.path(), layers);
    ModelOptions options;
    options.lora.push_back({adapter.path(), scale});
    return key(options);
  }

  ScratchFolder folder_;
};

TEST_F(MemoryKeyTest, IsThatOfTheSameFilesAgain) {
  EXPECT_EQ(key(), key());
  ModelOptions threads;
  threads.threads = 1;
  EXPECT_EQ(key(threads), key());
}

TEST_F(MemoryKeyTest, DependsOnHowItIsComputedAndKept) {
  ModelOptions precise, vision, memory;
  precise.precision = Precision::kFloat32;
  vision.vision_int8 = true;
  memory.visual_memory_int8 = true;
  const std::set<Sha256::Digest> keys = {key(), key(precise), key(vision), key(memory)};
  EXPECT_EQ(keys.size(), 4U);
}

TEST_F(MemoryKeyTest, DependsOnTheWeights) {
  const Sha256::Digest before = key();
  const ScratchFolder copy;  // the same numbers in other files: who would read them all to know?
  fs::copy(folder_.path(), copy.path(), fs::copy_options::recursive);
  EXPECT_NE(key_of(Model::load(copy.path())), before);
  const fs::path weights = folder_.path() / "model.safetensors";
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  EXPECT_NE(key(), before) << "written to since";
}

TEST_F(MemoryKeyTest, DependsOnTheAdaptersOfWhatAnImageGoesThroughAlone) {
  const Sha256::Digest plain = key();
  for (const char* part : {"vision_model", "vision2text_model", "v_kv_proj"}) {
    EXPECT_NE(adapted(part), plain) << part;
    EXPECT_NE(adapted(part, 2), adapted(part)) << part;
  }
  for (const char* part : {"layers.0.mlp.gate_proj", "language_model.model.layers.0.self_attn.q"}) {
    EXPECT_EQ(adapted(part), plain) << part;
  }
}

}  // namespace
}  // namespace owl3
