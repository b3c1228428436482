// Batches: what the trainer is given at a time, as plain vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "media/image.h"

namespace owl3 {

/// The label of a token that is not learnt.
inline constexpr int64_t kNoLabel = -100;

/// B rows of T tokens. A row holds one or more samples, its segments, and no token attends to
/// another segment's tokens or images. T is the length of the longest row.
struct Batch {
  int64_t rows = 0;            // B
  int64_t tokens = 0;          // T
  int64_t images_per_row = 0;  // N, of the row with most of them

  std::vector<int64_t> ids;  // [B, T]  padding 0
  /// [B, T]  ids[t] where t belongs to the assistant's words (<|im_end|> and <|endoftext|> are two
  /// of them), else kNoLabel; so too at the first token of a segment, which nothing predicts. The
  /// logits at t - 1 are held against labels[t].
  std::vector<int64_t> labels;
  std::vector<int32_t> segment;   // [B, T]  0, 1, 2.. within the row; -1 padding
  std::vector<int32_t> position;  // [B, T]  within the segment (the rotary position); padding 0

  std::vector<int32_t> image;           // [B, N]  index into `images`; -1 padding
  std::vector<int32_t> image_segment;   // [B, N]  -1 padding
  std::vector<int32_t> image_position;  // [B, N]  of its <|image|> token within the segment
                                        //         (s_i of the model's formulas); -1 padding
  std::vector<Image> images;            // each once in the batch; S x S, for normalize_pixels
  std::vector<uint64_t> image_hash;     // of each of them: image_hash_of()

  int64_t label_tokens = 0;  // labels that are not kNoLabel
  /// The same, summed over the whole step: all batches that are accumulated, of all ranks. What the
  /// summed loss is divided by.
  int64_t step_label_tokens = 0;
};

/// Images and their captions, for pre-training a vision encoder; images[i] belongs to texts[i].
struct PairBatch {
  std::vector<Image> images;  // S x S
  std::vector<uint64_t> image_hash;
  std::vector<std::vector<int64_t>> texts;  // ids, the last of each is <|endoftext|>
};

/// The first 64 bits of the image's content hash: equal pixels have equal hashes, and among the
/// images of a data set no two others will.
uint64_t image_hash_of(const Image& image);

}  // namespace owl3
