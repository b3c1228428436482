#include "model/owl3_model.h"

#include <algorithm>

namespace owl3 {

namespace {

DType cache_dtype(const ModelOptions& options) {
  return options.precision == Precision::kFloat32 ? DType::kF32 : DType::kBF16;
}

std::vector<LoraAdapter> load_adapters(const ModelOptions& options) {
  std::vector<LoraAdapter> adapters;
  for (const LoraOptions& lora : options.lora) {
    adapters.push_back(load_lora_adapter(lora.folder, lora.scale));
  }
  return adapters;
}

}  // namespace

Owl3Model::Owl3Model(Checkpoint checkpoint, std::unique_ptr<Backend> backend,
                     const ModelOptions& options)
    : checkpoint_(std::move(checkpoint)),
      backend_(std::move(backend)),
      check_finite_(*backend_, checkpoint_, options),
      weights_(load_weights(checkpoint_, load_adapters(options), *backend_)),
      vision_to_round_(options.vision_int8),
      decoder_(std::make_unique<Decoder>(
          *backend_, checkpoint_.config(), checkpoint_.variant(), weights_.decoder, check_finite_,
          cache_dtype(options), options.visual_memory_int8 ? DType::kI8 : cache_dtype(options))) {}

template <typename Work>
auto Owl3Model::finite(const Work& work) {
  try {
    auto result = work();
    check_finite_.settle();
    return result;
  } catch (...) {
    check_finite_.forget();
    throw;
  }
}

Tensor Owl3Model::vision_features(const Tensor& pixel_values, const KeepGoing& keep_going) {
  if (vision_to_round_) {
    VisionWeights rounded = weights_.vision;
    round_layers(*backend_, rounded);
    weights_.vision = std::move(rounded);
    vision_to_round_ = false;
  }
  return finite([&] {
    return siglip_encode(*backend_, config().vision, weights_.vision, check_finite_, pixel_values,
                         keep_going);
  });
}

Tensor Owl3Model::visual_embeddings(const Tensor& features) {
  return finite([&] {
    Tensor embeddings = project_features(*backend_, weights_.projector, features);
    check_finite_(embeddings, "vision2text_model");
    return embeddings;
  });
}

std::vector<ImageMemoryPtr> Owl3Model::remember_images(const Tensor& pixel_values,
                                                       const KeepGoing& keep_going) {
  const Tensor embeddings = visual_embeddings(vision_features(pixel_values, keep_going));
  auto memories = finite([&] {
    return decoder_->remember(embeddings, config().vision.tokens_per_image(), keep_going);
  });
  checkpoint_.check_unchanged();
  return memories;
}

int64_t Owl3Model::images_per_batch() const {
  return std::max<int64_t>(1, backend_->rows_at_once() / config().vision.tokens_per_image());
}

}  // namespace owl3
