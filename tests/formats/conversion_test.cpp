// Checkpoints through `owl3 convert`'s own functions: every type, every golden, and what must fail.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/scratch_folder.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/quantise.h"
#include "formats/random_checkpoint.h"
#include "formats/safetensors.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

fs::path golden(const char* name) {
  return fs::path(OWL3_TEST_DATA) / "model" / name;
}

constexpr const char* kGoldens[] = {"gated-tied", "gated-untied", "unified"};
constexpr DType kTypes[] = {DType::kBF16, DType::kQ8_0, DType::kQ6_K, DType::kQ4_K, DType::kQ4_0};

/// A random model with rows of whole 256-value blocks, as the released ones have.
CheckpointShape wide_shape() {
  CheckpointShape shape = checkpoint_shape("tiny");
  shape.config.hidden_size = 256;
  shape.config.intermediate_size = 512;
  return shape;
}

/// Relative root mean square error of what the type makes of normal weights, with a little slack.
double allowed_error(DType type) {
  switch (type) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 0.0003;
    case DType::kBF16:
      return 0.0018;
    case DType::kQ8_0:
      return 0.0058;
    case DType::kQ6_K:
      return 0.018;
    case DType::kQ4_K:
      return 0.076;
    case DType::kQ4_0:
      return 0.084;
    case DType::kI8:
      break;  // no type of files
  }
  return 0;
}

std::vector<float> values_of(const Tensor& tensor) {
  std::vector<float> x(static_cast<size_t>(tensor.size()));
  dequantise(tensor.dtype(), tensor.raw(), x.data(), tensor.size());
  return x;
}

double relative_error(const Tensor& source, const Tensor& converted) {
  const auto x = values_of(source);
  const auto y = values_of(converted);
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::pow(double{x[i]} - double{y[i]}, 2);
    size += std::pow(double{x[i]}, 2);
  }
  return size == 0 ? error : std::sqrt(error / size);
}

class Conversion : public testing::Test {
 protected:
  Checkpoint convert(const fs::path& from, const ConversionOptions& options, int threads = 2,
                     const ProgressCallback& progress = {}) const {
    const Checkpoint source = Checkpoint::open(from);
    const auto plan = plan_conversion(source.config(), source.variant(), options);
    const uint64_t bytes = write_gguf(
        out(), source, plan, make_gguf_metadata(source, "owl", options.type), threads, progress);
    EXPECT_EQ(fs::file_size(out()), bytes);
    return Checkpoint::open(out());
  }
  fs::path out() const { return folder_ / "out.gguf"; }

  ScratchFolder folder_;
};

TEST_F(Conversion, KeepsEveryTensorOfEveryGoldenWithinItsType) {
  for (const char* name : kGoldens) {
    const Checkpoint source = Checkpoint::open(golden(name));
    for (const DType type : kTypes) {
      for (const DType vision : {DType::kBF16, DType::kQ8_0}) {
        const Checkpoint converted = convert(golden(name), {type, vision, {}});
        EXPECT_TRUE(converted.is_gguf());
        EXPECT_EQ(converted.variant(), source.variant());
        EXPECT_EQ(converted.parameter_counts().used(), source.parameter_counts().used());
        EXPECT_EQ(converted.parameter_counts().unused, 0);
        EXPECT_EQ(converted.weight_files(), 1u);
        for (const auto& [tensor_name, tensor] : converted.tensors()) {
          EXPECT_LE(relative_error(source.tensor(tensor_name), tensor),
                    allowed_error(tensor.dtype()))
              << name << " " << tensor_name << " " << name_of(tensor.dtype());
        }
      }
    }
  }
}

TEST_F(Conversion, OfBFloat16ToBFloat16ChangesNoBit) {
  for (const char* name : {"gated-untied", "unified"}) {
    const Checkpoint source = Checkpoint::open(golden(name));
    const Checkpoint converted = convert(golden(name), {DType::kBF16, DType::kBF16, {}});
    for (const auto& [tensor_name, tensor] : converted.tensors()) {
      EXPECT_EQ(values_of(tensor), values_of(source.tensor(tensor_name))) << tensor_name;
    }
  }
}

TEST_F(Conversion, KeepsTheJsonFilesUnchanged) {
  const ScratchFolder model;
  write_random_checkpoint(model.path(), checkpoint_shape("tiny"), {}, nullptr);
  const Checkpoint converted = convert(model.path(), {DType::kQ4_0, DType::kBF16, {}});
  for (const char* file : {kConfigFile, kGenerationConfigFile, kTokenizerFile}) {
    EXPECT_EQ(converted.required_document(file).text, read_text(model / file)) << file;
  }
  EXPECT_EQ(converted.generation_config().top_k, 100);
  EXPECT_EQ(converted.document("README.md").has_value(), false);
}

TEST_F(Conversion, UsesWholeBlocksWhereRowsHaveThem) {
  const ScratchFolder model;
  write_random_checkpoint(model.path(), wide_shape(), {}, nullptr);
  const Checkpoint source = Checkpoint::open(model.path());
  for (const DType type : {DType::kQ4_K, DType::kQ6_K}) {
    const Checkpoint converted = convert(model.path(), {type, DType::kQ8_0, {}});
    const std::string layer = "language_model.model.layers.1.";
    for (const char* matrix : {"self_attn.q_proj.weight", "mlp.down_proj.weight"}) {
      EXPECT_EQ(converted.tensor(layer + matrix).dtype(), type) << matrix;
    }
    EXPECT_EQ(converted.tensor("language_model.model.embed_tokens.weight").dtype(), DType::kQ6_K);
    EXPECT_EQ(converted.tensor("language_model.lm_head.weight").dtype(), DType::kQ6_K);
    EXPECT_EQ(converted.tensor(layer + "self_attn.v_kv_proj.weight").dtype(), DType::kQ8_0);
    EXPECT_EQ(converted.tensor(layer + "self_attn.gate").dtype(), DType::kF32);
    EXPECT_EQ(converted.tensor(layer + "self_attn.q_proj.bias").dtype(), DType::kF32);
    EXPECT_EQ(converted.tensor("vision_model.embeddings.position_embedding.weight").dtype(),
              DType::kF32);
    for (const auto& [name, tensor] : converted.tensors()) {
      EXPECT_LE(relative_error(source.tensor(name), tensor), allowed_error(tensor.dtype())) << name;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u) << name;
    }
  }
}

TEST_F(Conversion, OfAConvertedFileGivesTheSameAsOfItsSource) {
  convert(golden("unified"), {DType::kBF16, DType::kBF16, {}});
  fs::rename(out(), folder_ / "bf16.gguf");
  convert(golden("unified"), {DType::kQ4_0, DType::kQ8_0, {}});
  const std::string direct = read_text(out());
  convert(folder_ / "bf16.gguf", {DType::kQ4_0, DType::kQ8_0, {}});
  EXPECT_EQ(read_text(out()), direct);
  // And from fewer bits to more: the values of the fewer, exactly.
  fs::rename(out(), folder_ / "q4_0.gguf");
  const Checkpoint small = Checkpoint::open(folder_ / "q4_0.gguf");
  const Checkpoint wide =
      convert(folder_ / "q4_0.gguf", {DType::kBF16, DType::kBF16, {{"*", DType::kF32}}});
  for (const auto& [name, tensor] : wide.tensors()) {
    EXPECT_EQ(values_of(tensor), values_of(small.tensor(name))) << name;
  }
}

TEST_F(Conversion, DoesNotDependOnThreads) {
  const ScratchFolder model;
  write_random_checkpoint(model.path(), wide_shape(), {}, nullptr);
  convert(model.path(), {DType::kQ4_K, DType::kQ8_0, {}}, 1);
  const std::string one = read_text(out());
  convert(model.path(), {DType::kQ4_K, DType::kQ8_0, {}}, 5);
  EXPECT_TRUE(read_text(out()) == one);
}

TEST_F(Conversion, KeepRulesGoByTheLastThatMatches) {
  const Checkpoint converted =
      convert(golden("unified"), {DType::kQ4_0,
                                  DType::kBF16,
                                  {{"*_proj.weight", DType::kQ8_0},
                                   {"*.layers.0.*", DType::kF16},
                                   {"*.layers.0.*", DType::kQ4_0},
                                   {"*.layers.1.mlp.?p_proj.weight", DType::kF32}}});
  const auto type = [&](const char* name) {
    return converted.tensor(std::string("language_model.model.layers.") + name).dtype();
  };
  EXPECT_EQ(type("0.mlp.up_proj.weight"), DType::kQ4_0);
  EXPECT_EQ(type("0.self_attn.q_proj.bias"), DType::kF16);  // no vector is q4_0
  EXPECT_EQ(type("1.mlp.up_proj.weight"), DType::kF32);
  EXPECT_EQ(type("1.mlp.gate_proj.weight"), DType::kQ8_0);
}

TEST_F(Conversion, RefusesKeepRulesThatDoNothing) {
  const auto refusal = [&](const KeepRule& rule) {
    return message_of<UsageError>([&] {
      convert(golden("unified"), {DType::kQ8_0, DType::kBF16, {rule}});
    });
  };
  EXPECT_NE(refusal({"nothing*", DType::kF32}).find("--keep nothing*=f32: matches no tensor"),
            std::string::npos);
  EXPECT_NE(refusal({"*.bias", DType::kQ8_0}).find("only vectors"), std::string::npos);
}

TEST_F(Conversion, LeavesNothingWhenInterrupted) {
  EXPECT_THROW(
      convert(golden("unified"), {}, 1, [](std::string_view, int64_t, int64_t) { return false; }),
      Interrupted);
  EXPECT_EQ(folder_.file_count(), 0u);
}

TEST_F(Conversion, NamesATensorWithValuesNoTypeCanHold) {
  const ScratchFolder model;
  write_random_checkpoint(model.path(), checkpoint_shape("tiny"), {}, nullptr);
  for (const float bad : {-1e6f, 70000.0f}) {
    TensorMap tensors = load_safetensors(model / "model.safetensors");
    const std::string victim = "language_model.model.layers.2.mlp.up_proj.weight";
    std::vector<TensorSpec> specs;
    for (const auto& [name, tensor] : tensors) {
      specs.push_back({name, tensor.dtype(), tensor.shape()});
    }
    SafetensorsWriter writer(model / "model.safetensors", specs);
    for (const TensorSpec& spec : writer.tensors()) {
      const auto* first = tensors.at(spec.name).data<const char>();
      std::string data(first, first + spec.size_bytes());
      const bf16 value = bf16::from_float(bad);
      if (spec.name == victim) std::memcpy(data.data() + 2 * 77, &value, sizeof value);
      writer.write(data.data(), data.size());
    }
    writer.commit();
    const std::string message = message_of<InputError>([&] {
      convert(model.path(), {DType::kQ4_0, DType::kBF16, {}});
    });
    EXPECT_NE(message.find(victim), std::string::npos) << message;
    EXPECT_EQ(folder_.file_count(), 0u);
    // bfloat16 holds it.
    EXPECT_NO_THROW(convert(model.path(), {DType::kBF16, DType::kBF16, {}}));
    fs::remove(out());
  }
}

TEST_F(Conversion, RefusesATokenizerThatIsNone) {
  const ScratchFolder model;
  write_random_checkpoint(model.path(), checkpoint_shape("tiny"), {}, nullptr);
  for (const char* json : {"{", "{}", R"({"model":{"vocab":{"a":-1},"merges":[]}})",
                           R"({"model":{"vocab":{},"merges":[7]},"added_tokens":[]})",
                           R"({"model":{"vocab":{},"merges":[]},"added_tokens":[3]})"}) {
    model.write(kTokenizerFile, json);
    const std::string message = message_of<InputError>([&] { convert(model.path(), {}); });
    EXPECT_NE(message.find("tokenizer.json: "), std::string::npos) << message;
  }
}

TEST(CheckpointInGguf, RefusesWhatOwl3DidNotWrite) {
  const ScratchFolder folder;
  const auto refusal = [&](const GgufMetadata& metadata, const std::vector<TensorSpec>& tensors) {
    GgufWriter writer(folder / "x.gguf", metadata, tensors);
    for (const TensorSpec& tensor : tensors) {
      const std::string zeros(tensor.size_bytes(), '\0');
      writer.write(zeros.data(), zeros.size());
    }
    writer.commit();
    const std::string message =
        message_of<InputError>([&] { Checkpoint::open(folder / "x.gguf"); });
    EXPECT_TRUE(message.starts_with((folder / "x.gguf").string())) << message;
    return message;
  };
  GgufMetadata other;
  other.put_text("general.architecture", "llama");
  EXPECT_NE(refusal(other, {}).find("of architecture \"llama\""), std::string::npos);
  EXPECT_NE(refusal({}, {}).find("of architecture \"unknown\""), std::string::npos);

  GgufMetadata empty;
  empty.put_text("general.architecture", kGgufArchitecture);
  empty.put_text("owl3.config.json", "{}");
  EXPECT_NE(refusal(empty, {}).find("config.json"), std::string::npos);

  GgufMetadata real;
  real.put_text("general.architecture", kGgufArchitecture);
  real.put_text("owl3.config.json", read_text(golden("unified") / "config.json"));
  EXPECT_NE(refusal(real, {}).find("the weights lack tensor"), std::string::npos);
  const Checkpoint unified = Checkpoint::open(golden("unified"));
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : unified.tensors()) {
    const bool norm = name.ends_with("model.norm.weight");
    specs.push_back({name, norm ? DType::kQ8_0 : DType::kBF16, tensor.shape()});
  }
  EXPECT_NE(refusal(real, specs).find("model.norm.weight is q8_0"), std::string::npos);
}

TEST(CheckpointInGguf, WithoutATokenizerSaysSo) {
  const Checkpoint checkpoint = Checkpoint::open(golden("unified"));
  EXPECT_NE(message_of<InputError>([&] {
              checkpoint.required_document(kTokenizerFile);
            }).find("no tokenizer.json in it"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
