// The other way to show images to a language model, LLaVA's: an image's L visual tokens stand in
// the text, in place of its one. A model without hyper layers reads rows so; it is what the
// ablation of hyper attention is held against.
#pragma once

#include <cstdint>
#include <vector>

#include "training_data/batch.h"

namespace owl3::train {

struct InterleavedRows {
  Batch rows;  // their images' pixels left behind
  /// Where visual embeddings go: the places of an image's L tokens in the rows' B * T, image by
  /// image, and of each such image its index into the batch's images.
  std::vector<int64_t> places;
  std::vector<int64_t> images;
};

/// Words keep their labels and segments; positions are counted anew.
InterleavedRows interleave(const Batch& rows, int64_t tokens_per_image);

}  // namespace owl3::train
