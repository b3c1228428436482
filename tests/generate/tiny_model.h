// A golden checkpoint with its prompts, for tests of generation: float32 throughout.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "backend/cpu/cpu_backend.h"
#include "core/mapped_file.h"
#include "generate/generate.h"
#include "model/owl3_model.h"

namespace owl3 {

struct GoldenPrompt {
  std::vector<int32_t> ids;
  std::vector<int64_t> media_positions;
  std::vector<int32_t> greedy;  // the next 12 tokens
};

class TinyModel {
 public:
  explicit TinyModel(const std::string& name)
      : folder_(std::filesystem::path(OWL3_TEST_DATA) / "model" / name),
        model_(Checkpoint::open(folder_), make_backend(), ModelOptions{Precision::kFloat32}) {
    const auto file = MappedFile::open(folder_ / "golden.json");
    const auto* text = reinterpret_cast<const char*>(file->bytes().data());
    const auto golden = nlohmann::json::parse(text, text + file->bytes().size());
    read_images(golden.at("pixel_values").get<Shape>());
    for (const auto& [prompt, json] : golden.at("prompts").items()) {
      prompts_[prompt] = {json.at("input_ids"), json.at("media_positions"), json.at("greedy")};
    }
  }

  Owl3Model& model() { return model_; }
  const std::map<std::string, GoldenPrompt>& prompts() const { return prompts_; }

  /// An unread sequence with the prompt's images in place.
  Sequence place_images(const GoldenPrompt& prompt) {
    Sequence sequence = model_.decoder().new_sequence();
    for (const int64_t position : prompt.media_positions) {
      sequence.images.push_back({position, images_.at(sequence.images.size())});
    }
    return sequence;
  }

 private:
  static std::unique_ptr<Backend> make_backend() {
    CpuOptions options;
    options.matrix_product = MatrixProduct::kFloat32;
    options.threads = 1;  // tiny products: threads would only wait for each other
    return std::make_unique<CpuBackend>(options);
  }

  void read_images(const Shape& shape) {
    const auto file = MappedFile::open(folder_ / "pixel_values.f32");
    Tensor pixels = make_tensor(DType::kF32, shape);
    OWL3_CHECK(file->bytes().size() == pixels.size_bytes());
    std::memcpy(pixels.raw(), file->bytes().data(), pixels.size_bytes());
    images_ = model_.remember_images(pixels);
  }

  std::filesystem::path folder_;
  Owl3Model model_;
  std::map<std::string, GoldenPrompt> prompts_;
  std::vector<ImageMemoryPtr> images_;
};

/// Loaded once for all tests of the program.
inline TinyModel& tiny_model(const std::string& name) {
  static std::map<std::string, std::unique_ptr<TinyModel>> models;
  std::unique_ptr<TinyModel>& model = models[name];
  if (!model) model = std::make_unique<TinyModel>(name);
  return *model;
}

/// Writes an answer in this thread, step by step. `go_on` is asked between the layers of a step; no
/// ends the answer.
inline Generated write(Owl3Model& model, std::unique_ptr<Generation> generation,
                       const Tensor& logits, const KeepGoing& go_on = {}) {
  generation->take(logits);
  while (!generation->ended()) {
    std::vector<SequenceRows> step;
    generation->add_rows(step);
    Tensor next;
    try {
      next = model.decoder().next_logits(step, go_on);
    } catch (const Interrupted&) {
      generation->stop();
      break;
    }
    generation->take(next);
  }
  return generation->finish();
}
inline Generated generate(Owl3Model& model, Sequence& sequence, const Tensor& logits,
                          GenerationRequest request, const KeepGoing& go_on = {}) {
  return write(model, make_generation(model.config(), sequence, std::move(request)), logits, go_on);
}

/// A checkpoint's name in the names of tests, which bear no hyphen.
inline std::string model_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

inline GenerationOptions plain_options(int64_t max_new_tokens, int64_t num_beams = 1) {
  GenerationOptions options;
  options.do_sample = false;
  options.repetition_penalty = 1;
  options.max_new_tokens = max_new_tokens;
  options.num_beams = num_beams;
  return options;
}

}  // namespace owl3
