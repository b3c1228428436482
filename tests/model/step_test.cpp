// Steps over many sequences: what a conversation gets is the same, bit for bit, whoever shares its
// steps and however many do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "backend/cpu/cpu_backend.h"
#include "core/scratch_folder.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/random_checkpoint.h"
#include "model/owl3_model.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

constexpr int kSequences = 7;

/// What a sequence reads, step by step, and its images: [token index, number].
struct Script {
  std::vector<std::vector<int32_t>> readings;
  std::vector<std::pair<int64_t, size_t>> images;
};

/// Prompts of any length and answers of single tokens, in any order, with images anywhere or none.
Script random_script(std::mt19937& random, bool with_images) {
  Script script;
  int64_t tokens = 0;
  for (int i = 0; i < 6; ++i) {
    const int64_t lengths[] = {1, 1, 1, 2, 7, 31, 32, 33, 70};
    std::vector<int32_t> ids(static_cast<size_t>(lengths[random() % std::size(lengths)]));
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 300);
    tokens += static_cast<int64_t>(ids.size());
    script.readings.push_back(std::move(ids));
  }
  for (int64_t at = 0; with_images && at < tokens; at += 1 + static_cast<int64_t>(random() % 20)) {
    script.images.emplace_back(at, random() % 3);
  }
  return script;
}

class ScriptedSequence {
 public:
  ScriptedSequence(Owl3Model& model, const Script& script,
                   const std::vector<ImageMemoryPtr>& images)
      : script_(script), sequence_(model.decoder().new_sequence()) {
    for (const auto& [at, number] : script.images) {
      sequence_.images.push_back({at, images[number]});
    }
  }

  bool done() const { return next_ == script_.readings.size(); }
  SequenceRows rows() { return {sequence_, script_.readings[next_++]}; }
  Sequence& sequence() { return sequence_; }
  void keep(const Tensor& logits) {
    kept_.emplace_back(logits.f32(), logits.f32() + logits.size());
  }
  const std::vector<std::vector<float>>& kept() const { return kept_; }

 private:
  const Script& script_;
  Sequence sequence_;
  size_t next_ = 0;
  std::vector<std::vector<float>> kept_;  // the logits behind every reading
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// A random model wide enough for blocks of 256, as a file of the given type.
class RandomModel {
 public:
  explicit RandomModel(DType type) {
    CheckpointShape shape = checkpoint_shape("tiny");
    shape.config.hidden_size = 256;
    shape.config.intermediate_size = 768;
    fs::create_directory(folder_ / "model");
    write_random_checkpoint(folder_ / "model", shape, {}, nullptr);
    const Checkpoint source = Checkpoint::open(folder_ / "model");
    const ConversionOptions options = {type, DType::kQ8_0, {}};
    write_gguf(folder_ / "x.gguf", source,
               plan_conversion(source.config(), source.variant(), options),
               make_gguf_metadata(source, "test", type), 2, {});
  }

  std::unique_ptr<Owl3Model> open(const CpuOptions& cpu, const ModelOptions& options) const {
    return std::make_unique<Owl3Model>(Checkpoint::open(folder_ / "x.gguf"),
                                       std::make_unique<CpuBackend>(cpu), options);
  }

 private:
  ScratchFolder folder_;
};

std::vector<ImageMemoryPtr> images_of(Owl3Model& model) {
  const int64_t side = model.config().vision.image_size;
  Tensor pixels = make_tensor(DType::kF32, {3, 3, side, side});
  std::mt19937 random(3);
  for (int64_t i = 0; i < pixels.size(); ++i) {
    pixels.f32()[i] = static_cast<float>(random() % 2001) / 1000 - 1;
  }
  return model.remember_images(pixels);
}

void expect_the_same_in_company(Owl3Model& model, uint32_t seed) {
  std::mt19937 random(seed);
  const std::vector<ImageMemoryPtr> images = images_of(model);
  std::vector<Script> scripts;
  for (int i = 0; i < kSequences; ++i) scripts.push_back(random_script(random, i % 3 != 0));
  std::vector<ScriptedSequence> alone, together;
  for (const Script& script : scripts) {
    alone.emplace_back(model, script, images);
    together.emplace_back(model, script, images);
    while (!alone.back().done()) {
      const SequenceRows rows = alone.back().rows();
      alone.back().keep(model.decoder().next_logits({&rows, 1}));
    }
  }
  for (;;) {
    std::vector<ScriptedSequence*> members;
    bool finished = true;
    for (ScriptedSequence& sequence : together) {
      if (sequence.done()) continue;
      finished = false;
      if (random() % 3 != 0) members.push_back(&sequence);
    }
    if (finished) break;
    if (members.empty()) continue;
    std::shuffle(members.begin(), members.end(), random);
    std::vector<SequenceRows> step;
    for (ScriptedSequence* member : members) step.push_back(member->rows());
    const Tensor logits = model.decoder().next_logits(step);
    for (size_t i = 0; i < members.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      members[i]->keep(logits.rows(row, row + 1));
    }
  }
  for (int i = 0; i < kSequences; ++i) {
    const auto at = static_cast<size_t>(i);
    ASSERT_EQ(alone[at].kept().size(), together[at].kept().size());
    for (size_t step = 0; step < alone[at].kept().size(); ++step) {
      EXPECT_TRUE(same_bits(alone[at].kept()[step], together[at].kept()[step]))
          << "sequence " << i << ", reading " << step << " of " << scripts[at].readings[step].size()
          << " tokens";
    }
  }
}

class Step : public testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(EveryType, Step,
                         testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0,
                                         DType::kQ6_K, DType::kQ4_K, DType::kQ4_0),
                         [](const auto& test) { return std::string(short_name_of(test.param)); });

TEST_P(Step, GivesEachSequenceWhatItGetsAlone) {
  const RandomModel random(GetParam());
  const cpu::KernelList list = cpu::runnable_kernels();
  uint32_t seed = 1;
  for (int table = 0; table < list.count; ++table) {
    for (const bool exact : {true, false}) {
      SCOPED_TRACE(fmt::format("{}, {}", list.tables[table]->name, exact ? "float32" : "bf16"));
      CpuOptions cpu;
      cpu.kernels = list.tables[table];
      cpu.threads = 1 + static_cast<int>(seed % 3);
      cpu.matrix_product = exact ? MatrixProduct::kFloat32 : MatrixProduct::kAuto;
      ModelOptions options{exact ? Precision::kFloat32 : Precision::kBFloat16};
      options.visual_memory_int8 = seed % 2 == 0;
      expect_the_same_in_company(*random.open(cpu, options), seed++);
    }
  }
}

TEST(GoldenStep, GivesEachSequenceWhatItGetsAlone) {
  for (const char* name : {"gated-tied", "gated-untied", "unified"}) {
    SCOPED_TRACE(name);
    CpuOptions cpu;
    cpu.threads = 2;
    Owl3Model model(Checkpoint::open(fs::path(OWL3_TEST_DATA) / "model" / name),
                    std::make_unique<CpuBackend>(cpu), {});
    expect_the_same_in_company(model, 17);
  }
}

TEST(GoldenStep, ThatFailsLeavesAllSequencesAsTheyWere) {
  CpuOptions cpu;
  cpu.threads = 2;
  Owl3Model model(Checkpoint::open(fs::path(OWL3_TEST_DATA) / "model" / "unified"),
                  std::make_unique<CpuBackend>(cpu), {});
  Decoder& decoder = model.decoder();
  std::vector<Sequence> sequences, fresh;
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4};
  for (int i = 0; i < 5; ++i) {
    sequences.push_back(decoder.new_sequence());
    fresh.push_back(decoder.new_sequence());
    decoder.forward(sequences.back(), std::span(ids).first(2 + 3 * static_cast<size_t>(i)));
    decoder.forward(fresh.back(), std::span(ids).first(2 + 3 * static_cast<size_t>(i)));
  }
  const std::vector<int32_t> many(50, 7);  // a pass of its own, between the others
  std::vector<SequenceRows> step;
  for (size_t i = 0; i < 5; ++i) {
    step.push_back({sequences[i], i == 2 ? std::span(many) : std::span(ids).first(1)});
  }
  const int64_t layers = 3 * model.config().num_hidden_layers;
  for (int64_t until = 1; until <= layers; ++until) {  // at any layer of any pass
    int64_t asked = 0;
    EXPECT_THROW(decoder.next_logits(step, [&] { return ++asked < until; }), Interrupted);
    for (size_t i = 0; i < 5; ++i) {
      ASSERT_EQ(sequences[i].cache.length(), fresh[i].cache.length());
    }
  }
  for (size_t i = 0; i < 5; ++i) {
    const Tensor again = decoder.forward(sequences[i], ids);
    const Tensor first = decoder.forward(fresh[i], ids);
    EXPECT_EQ(std::memcmp(again.raw(), first.raw(), again.size_bytes()), 0) << i;
  }
}

}  // namespace
}  // namespace owl3
