#include "train/attention_heads.h"

#include <torch/torch.h>

#include <tuple>

#include "core/error.h"
#include "train/seeded_normal.h"

namespace owl3::train {

using torch::Tensor;

AttentionHead::AttentionHead(Owl3ModuleImpl& module, int64_t layer, int64_t from_last)
    : parameters_(module.named_parameters()),
      prefix_(fmt::format("language_model.model.layers.{}.self_attn.", layer)),
      head_size_(module.config().head_size()),
      from_last_(from_last) {}

Tensor AttentionHead::rows(const char* name) {
  const Tensor parameter = parameters_[prefix_ + name];
  return parameter.slice(0, first(parameter.size(0)), first(parameter.size(0)) + head_size_);
}

Tensor AttentionHead::output() {
  const Tensor parameter = parameters_[prefix_ + "o_proj.weight"];
  return parameter.slice(1, first(parameter.size(1)), first(parameter.size(1)) + head_size_);
}

/// Rows of v_kv_proj are [Hkv, 2, d]: a head's keys, then its values.
Tensor AttentionHead::visual(int64_t part) {
  const Tensor by_head =
      parameters_[prefix_ + "v_kv_proj.weight"].unflatten(0, {-1, 2, head_size_});
  return by_head[by_head.size(0) - 1 - from_last_][part];
}

Tensor AttentionHead::visual_keys() {
  return visual(0);
}

Tensor AttentionHead::visual_values() {
  return visual(1);
}

StreamDirections stream_directions(const ModelConfig& config, uint64_t seed) {
  const int64_t d = config.head_size(), half = d / 2;
  OWL3_CHECK(config.hidden_size >= 3 * d);
  const Tensor matrix = seeded_normal({config.hidden_size, 3 * d}, "copying heads", seed, 1);
  const Tensor rows = std::get<0>(torch::linalg_qr(matrix)).t().contiguous();
  const Tensor found = rows.slice(0, 2 * d);
  return {rows.slice(0, 0, half),  rows.slice(0, half, d), rows.slice(0, d, 2 * d), found,
          found.slice(0, 0, half), found.slice(0, half)};
}

void fill_slow_channels(const Tensor& head_rows, const Tensor& rows) {
  const int64_t quarter = head_rows.size(0) / 4;
  head_rows.fill_(0);
  head_rows.slice(0, quarter, 2 * quarter).copy_(rows.slice(0, 0, quarter));
  head_rows.slice(0, 3 * quarter).copy_(rows.slice(0, quarter));
}

void copy_values(AttentionHead head, const Tensor& reader, double size) {
  head.rows("v_proj.weight").copy_(reader);
  head.output().copy_(size * reader.t());
}

}  // namespace owl3::train
