// Single heads of a decoder, to be given something to do before training begins.
#pragma once

#include <cstdint>
#include <string>

#include "train/model.h"

namespace owl3::train {

/// The rows of one head in the projections of an attention; `from_last` counts back from the last.
/// Tensors are views into the module's parameters.
class AttentionHead {
 public:
  AttentionHead(Owl3ModuleImpl& module, int64_t layer, int64_t from_last);

  /// [d, hidden] of q_proj, k_proj, v_proj, or [d] of their biases
  torch::Tensor rows(const char* name);
  /// [d, hidden] of v_kv_proj's keys, or values, of a hyper layer
  torch::Tensor visual_keys();
  torch::Tensor visual_values();
  /// [hidden, d]
  torch::Tensor output();

 private:
  int64_t first(int64_t size) const { return size - (from_last_ + 1) * head_size_; }
  torch::Tensor visual(int64_t part);

  torch::OrderedDict<std::string, torch::Tensor> parameters_;
  std::string prefix_;
  int64_t head_size_;
  int64_t from_last_;
};

/// Directions of the residual stream, at right angles to each other, a row each: [n, hidden].
struct StreamDirections {
  torch::Tensor identity;   // [d / 2, hidden] by which a token is told from others
  torch::Tensor told;       // [d / 2, hidden] where a token is told the one before
  torch::Tensor continued;  // [d, hidden] what is copied from where the text went on before
  torch::Tensor found;      // [d, hidden] what is copied from where it was found: of these
  torch::Tensor meaning;    // [d / 2, hidden] what words mean, of what images can show
  torch::Tensor seen;       // [d / 2, hidden] what images near a word showed
};
StreamDirections stream_directions(const ModelConfig& config, uint64_t seed);

/// Rows for the channels that the rotary embedding hardly turns, the slower half of the pairs:
/// [d / 2, hidden] into [d, hidden]; the others become 0.
void fill_slow_channels(const torch::Tensor& head_rows, const torch::Tensor& rows);

/// What the head attends to comes out again, in the reader's directions. reader [d, hidden]
void copy_values(AttentionHead head, const torch::Tensor& reader, double size);

}  // namespace owl3::train
