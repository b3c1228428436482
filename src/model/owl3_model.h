// The whole model: a checkpoint on a backend.
#pragma once

#include <memory>

#include "formats/checkpoint.h"
#include "model/decoder.h"
#include "owl3/options.h"

namespace owl3 {

class Owl3Model {
 public:
  Owl3Model(Checkpoint checkpoint, std::unique_ptr<Backend> backend, const ModelOptions& options);
  Owl3Model(const Owl3Model&) = delete;
  Owl3Model& operator=(const Owl3Model&) = delete;

  const Checkpoint& checkpoint() const { return checkpoint_; }
  const ModelConfig& config() const { return checkpoint_.config(); }
  const Owl3Weights& weights() const { return weights_; }
  Backend& backend() { return *backend_; }
  std::string backend_description() const { return backend_->description(); }
  Decoder& decoder() { return *decoder_; }

  /// pixel_values [n, 3, S, S], in the host's memory -> encoder features [n*L, Dv]
  Tensor vision_features(const Tensor& pixel_values, const KeepGoing& keep_going = {});
  /// encoder features [n*L, Dv] -> visual embeddings [n*L, D]
  Tensor visual_embeddings(const Tensor& features);
  /// From pixels to what the decoder keeps of n images.
  std::vector<ImageMemoryPtr> remember_images(const Tensor& pixel_values,
                                              const KeepGoing& keep_going = {});

  /// Images to encode at once: on the CPU one, so that what is kept of it depends on it alone.
  int64_t images_per_batch() const;

 private:
  // What `work` computes, once it is known to be finite.
  template <typename Work>
  auto finite(const Work& work);

  Checkpoint checkpoint_;
  std::unique_ptr<Backend> backend_;
  FiniteCheck check_finite_;
  Owl3Weights weights_;
  bool vision_to_round_;  // to int8, when the first image comes
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace owl3
