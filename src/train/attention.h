// Attention over spans of keys, for training: what packed rows need, without masks of [T, S].
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace owl3::train {

/// Which keys each query sees: a span of neighbours, which may be empty. Keys are counted in units
/// of `keys_per_unit`: one token of text, or the L visual tokens of an image.
struct KeySpans {
  int64_t rows = 0;     // B
  int64_t queries = 0;  // T
  int64_t units = 0;    // S / keys_per_unit
  int64_t keys_per_unit = 1;
  std::vector<int32_t> begin, end;  // [B, T]
};

/// The attention of one batch cut into blocks of neighbouring queries of a row, and the keys that
/// any of them sees into tiles, so small that a tile's scores stay in a core's cache. Made once per
/// batch and shared by all layers and heads.
class AttentionPlan {
 public:
  struct Tile {
    int64_t unit_begin = 0, unit_end = 0;
    /// 0 where the query sees the unit, else -infinity [queries, units]; undefined when all see
    /// all.
    torch::Tensor mask;
  };
  struct Block {
    int64_t row = 0;
    int64_t query_begin = 0, query_end = 0;
    std::vector<Tile> tiles;
  };

  AttentionPlan() = default;
  AttentionPlan(const KeySpans& spans, torch::Device device);

  /// Without the queries that see nothing.
  const std::vector<Block>& blocks() const { return blocks_; }
  int64_t keys_per_unit() const { return keys_per_unit_; }
  bool empty() const { return blocks_.empty(); }

 private:
  std::vector<Block> blocks_;
  int64_t keys_per_unit_ = 1;
};

struct AttentionOutput {
  torch::Tensor out;             // [B, T, H, d]; 0 where a query sees nothing
  torch::Tensor log_normaliser;  // [B, T, H]: log of the softmax's sum; kSeesNothing there
};

/// In place of the logarithm of an empty sum: so small that its share of any joint softmax is 0,
/// and still finite, so that no gradient becomes NaN.
inline constexpr double kSeesNothing = -1e30;

/// out = softmax(q k^T / sqrt(d)) v over the keys of each query's span. Query heads h of the H
/// share the key head h / (H / Hkv). Both outputs can be differentiated, so that softmaxes over
/// parts of the keys can be joined afterwards. The scores are never kept: the backward pass
/// computes them again, block by block. q [B, T, H, d], k and v [B, S, Hkv, d]
AttentionOutput span_attention(const torch::Tensor& q, const torch::Tensor& k,
                               const torch::Tensor& v, const AttentionPlan& plan);

}  // namespace owl3::train
