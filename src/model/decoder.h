// The Qwen2 decoder with hyper attention: text that reads images through a few of its layers.
#pragma once

#include <functional>
#include <memory>

#include "model/siglip.h"
#include "model/text_cache.h"
#include "model/visual_reading.h"
#include "model/weights.h"

namespace owl3 {

/// What the model remembers of one image: its keys and values in every hyper layer, unrotated, so
/// that they depend on the image alone and serve any place of any conversation.
struct ImageMemory {
  std::vector<KeyValueBlock> layers;  // one per hyper layer, each [Hkv, L, d]

  size_t bytes() const;
};
using ImageMemoryPtr = std::shared_ptr<const ImageMemory>;

/// An image in a text: the index of its <|image|> token, and its memory.
struct PlacedImage {
  int64_t token_index = 0;
  ImageMemoryPtr memory;
};

/// A text being read or written: what the decoder has seen of it, and the images in it.
struct Sequence {
  TextCache cache;
  std::vector<PlacedImage> images;  // by ascending token_index
  std::optional<ReadingLog> log{};  // of what is read from the images, where that is wanted

  Sequence fork() const { return {cache.fork(), images, log}; }
};

/// What a sequence reads in a step: tokens behind those it has. Images whose token is among them
/// must be in the sequence already.
struct SequenceRows {
  Sequence& sequence;
  std::span<const int32_t> ids;
};

/// Called with the output of every decoder layer (0-based), [T, D].
using LayerObserver = std::function<void(int64_t layer, const Tensor& hidden)>;

class Decoder {
 public:
  Decoder(Backend& backend, const ModelConfig& config, Variant variant,
          const DecoderWeights& weights, FiniteCheck& check_finite, DType cache_dtype,
          DType visual_dtype);

  /// Its text is forgotten by pages of so many tokens (TextCache::forget).
  Sequence new_sequence(int64_t page_tokens = TextCache::kPageTokens) const;

  /// Keys and values of images in every hyper layer. embeddings [n*L, D] of n images.
  std::vector<ImageMemoryPtr> remember(const Tensor& embeddings, int64_t tokens_per_image,
                                       const KeepGoing& keep_going = {}) const;

  /// A step: each of the sequences, all different, reads its tokens; returns the hidden states
  /// before the final norm, one sequence's rows behind another's. What a sequence gets are the same
  /// bits whoever shares the step. When it throws, all sequences are as they were.
  ///   T ids in all -> [T, D]
  Tensor forward(std::span<const SequenceRows> step, const KeepGoing& keep_going = {},
                 const LayerObserver& observer = {});
  /// A step of one sequence.
  Tensor forward(Sequence& sequence, std::span<const int32_t> ids, const KeepGoing& keep_going = {},
                 const LayerObserver& observer = {});

  /// The mean weight of every key of a sequence's image over some of its readings, in one hyper
  /// layer: [H, L]. Each of them sees the image.
  std::vector<float> key_weights(const Sequence& sequence, size_t image, size_t hyper_layer,
                                 std::span<const std::shared_ptr<const VisualReading>> readings);
  /// How much of each head's output the gate lets the images be, by hyper layer: [H], 1 throughout
  /// in the unified variant.
  const std::vector<std::vector<float>>& gate_means() const { return gate_means_; }
  /// Decoder layers that are hyper layers, ascending.
  std::vector<int64_t> hyper_layers() const;

  /// lm_head(rms_norm(hidden)).  [T, D] -> float32 [T, V] in the host's memory, to be sampled from
  Tensor logits(const Tensor& hidden) const;
  /// A step's logits of each sequence's last row.  -> float32 [sequences, V] in the host's memory
  Tensor next_logits(std::span<const SequenceRows> step, const KeepGoing& keep_going = {});

 private:
  struct Pass;

  std::vector<Pass> passes_of(std::span<const SequenceRows> step);
  // Does `work` of a step: when it throws, all sequences become as they were.
  template <typename Work>
  Tensor whole_step(std::span<const SequenceRows> step, const Work& work);
  Tensor hidden_states(std::span<const SequenceRows> step, const KeepGoing& keep_going,
                       const LayerObserver& observer);
  Tensor device_logits(const Tensor& hidden) const;
  Tensor last_logits(std::span<const SequenceRows> step, const Tensor& hidden) const;
  Tensor run(Pass& pass, const KeepGoing& keep_going, const LayerObserver& observer) const;
  void decoder_block(int64_t layer, Pass& pass, Tensor& x) const;
  Tensor attention(int64_t layer, Pass& pass, const Tensor& h) const;
  Tensor hyper_attention(int64_t layer, Pass& pass, const Tensor& q,
                         const AttentionPart& text) const;
  void keep_readings(Pass& pass, const Tensor& q, const AttentionPart& text,
                     const AttentionPart& visual, std::span<const VisualRows> visible) const;
  std::vector<VisibleImage> visible_images(const Sequence& sequence, size_t hyper_index,
                                           int64_t last_position) const;
  Tensor rope_table(int64_t positions);
  // Tells the backend that the step is of a kind that it may repeat, where it is.
  std::unique_ptr<StepScope> begin_repeatable(std::span<const SequenceRows> step);

  Backend& backend_;
  const ModelConfig& config_;
  Variant variant_;
  const DecoderWeights& weights_;
  FiniteCheck& check_finite_;
  DType cache_dtype_;                 // of the text
  DType visual_dtype_;                // of visual memory
  std::vector<int64_t> hyper_index_;  // by layer: which hyper layer it is, or -1
  std::vector<std::vector<float>> gate_means_;
  Tensor rope_;  // [positions so far, d]: d/2 cosines, d/2 sines
};

}  // namespace owl3
