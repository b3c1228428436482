// What an answer was read from: how much attention each image got, for every token and in all.
//
// It tells what was attended to, not why the answer is what it is (docs/evidence.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "owl3/visual_memory.h"

namespace owl3 {

/// One image of a conversation: an uncut image, a tile or the whole of a cut one, a frame of a
/// film.
struct ImageEvidence {
  size_t medium = 0;  // of Evidence::media
  int64_t image = 0;  // of that medium's images
  /// How much of the evidence it is; those of all images sum to 1, where any is attended to.
  double share = 0;
  /// The mean weight over the answer's tokens, hyper layers and heads; in gated models times how
  /// much of the head's output the gate lets through.
  double attention = 0;
  /// `attention`, by patches in row-major order of the grid: of the leading images, else empty.
  std::vector<float> heat_map{};
};

struct TokenEvidence {
  std::string text;              // in whole characters; empty where one goes on in the next token
  std::vector<float> shares;     // by image
  std::vector<float> attention;  // by image
};

/// The weights themselves, as the model computed them.
struct AttentionWeights {
  std::vector<int64_t> layers;  // the decoder layers that read images
  int64_t heads = 0;
  int64_t images = 0;
  std::vector<float> weights;  // [tokens, layers, heads, images]: of a softmax, summed over patches
  std::vector<float> gates;    // [layers, heads]: the mean that the gate lets through, or 1
};

struct Evidence {
  std::vector<Medium> media;          // of the conversation, in the order asked about
  std::vector<ImageEvidence> images;  // of all of them
  std::vector<size_t> leading;        // indices into `images`, by descending share
  std::vector<TokenEvidence> tokens;  // of the answer
  int64_t grid_rows = 0;              // of heat maps
  int64_t grid_cols = 0;
  AttentionWeights weights;
};

}  // namespace owl3
