// Our files read by an implementation of GGUF that is not ours: the npm package @huggingface/gguf,
// with which huggingface.co shows them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/random_checkpoint.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// The whole standard output of a command; nothing when it failed.
std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "";
  std::string text;
  char buffer[4096];
  for (size_t size; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    text.append(buffer, size);
  }
  return ::pclose(pipe) == 0 ? text : "";
}

/// GGML_TYPE names of the format's own list.
std::string ggml_name_of(DType type) {
  std::string name(short_name_of(type));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

class GgufOracle : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (output_of("node --version").empty()) {
      GTEST_SKIP()
          << "no node on this machine: OUR GGUF FILES WERE NOT HELD AGAINST ANOTHER READER";
    }
  }

  Json read(const fs::path& file) const {
    const std::string output =
        output_of("cd " OWL3_SOURCE_DIR " && node tests/formats/read_gguf.mjs " + file.string());
    if (output.empty()) {
      throw std::runtime_error(
          "@huggingface/gguf does not read the file, or is missing: run `npm "
          "ci` in " OWL3_SOURCE_DIR);
    }
    return Json::parse(output);
  }

  ScratchFolder folder_;
};

TEST_P(GgufOracle, SeesWhatWasWritten) {
  CheckpointShape shape = checkpoint_shape("tiny");
  shape.config.hidden_size = 256;
  shape.config.intermediate_size = 512;
  write_random_checkpoint(folder_.path(), shape, {}, nullptr);
  const Checkpoint source = Checkpoint::open(folder_.path());
  const auto plan =
      plan_conversion(source.config(), source.variant(), {GetParam(), DType::kQ8_0, {}});
  const fs::path file = folder_ / "out.gguf";
  write_gguf(file, source, plan, make_gguf_metadata(source, "an owl", GetParam()), 1, {});
  const Checkpoint ours = Checkpoint::open(file);
  const Json theirs = read(file);

  const Json& metadata = theirs["metadata"];
  const ModelConfig& config = source.config();
  EXPECT_EQ(metadata["general.architecture"], "mplug-owl3");
  EXPECT_EQ(metadata["general.name"], "an owl");
  EXPECT_EQ(metadata["general.quantization_version"], 2);
  EXPECT_EQ(metadata["general.alignment"], 64);
  EXPECT_EQ(metadata["mplug-owl3.block_count"], config.num_hidden_layers);
  EXPECT_EQ(metadata["mplug-owl3.embedding_length"], config.hidden_size);
  EXPECT_EQ(metadata["mplug-owl3.attention.head_count_kv"], config.num_key_value_heads);
  EXPECT_EQ(metadata["mplug-owl3.rope.freq_base"], config.rope_theta);
  EXPECT_EQ(metadata["mplug-owl3.hyper_layers"], Json(config.hyper_layers));
  EXPECT_EQ(metadata["mplug-owl3.variant"], "gated");
  EXPECT_EQ(metadata["mplug-owl3.vision.patch_size"], config.vision.patch_size);
  EXPECT_EQ(metadata["tokenizer.ggml.model"], "gpt2");
  EXPECT_EQ(metadata["tokenizer.ggml.tokens"]["length"], config.vocab_size);
  EXPECT_EQ(metadata["tokenizer.ggml.token_type"]["length"], config.vocab_size);
  EXPECT_EQ(metadata["tokenizer.ggml.eos_token_id"],
            source.generation_config().eos_token_id.front());
  for (const char* name : {kConfigFile, kGenerationConfigFile, kTokenizerFile}) {
    EXPECT_EQ(theirs["texts"][gguf_key(name)], read_text(folder_ / name)) << name;
  }

  EXPECT_EQ(theirs["parameterCount"], source.parameter_counts().used());
  ASSERT_EQ(theirs["tensors"].size(), ours.tensors().size());
  const std::string bytes = read_text(file);
  for (const Json& tensor : theirs["tensors"]) {
    const std::string name = tensor["name"];
    const Tensor& expected = ours.tensor(name);
    Shape row_major = tensor["shape"].get<Shape>();
    std::reverse(row_major.begin(), row_major.end());
    EXPECT_EQ(row_major, expected.shape()) << name;
    EXPECT_EQ(tensor["type"], ggml_name_of(expected.dtype())) << name;
    // Where they find it are the bytes that we read.
    const auto* data = expected.data<const char>();
    EXPECT_TRUE(bytes.substr(tensor["begin"].get<size_t>(), expected.size_bytes()) ==
                std::string(data, data + expected.size_bytes()))
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GgufOracle,
                         testing::Values(DType::kBF16, DType::kQ8_0, DType::kQ6_K, DType::kQ4_K,
                                         DType::kQ4_0),
                         [](const auto& test) { return std::string(short_name_of(test.param)); });

}  // namespace
}  // namespace owl3
