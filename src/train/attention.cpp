// Blockwise attention with its own backward pass, after FlashAttention (arXiv 2205.14135): with
// lse = log sum exp(s), P = exp(s - lse), the gradient of the scores is
//   dS = P * (dO V^T - rowsum(dO * O) + dlse),
// so out and lse are all that a backward pass needs beside the inputs. Only tiles of keys that
// some query of a block sees are multiplied: no work above the diagonal, nor across packed samples.
#include "train/attention.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/precision.h"

namespace owl3::train {

namespace {

using torch::Tensor;

/// Few enough that little is computed in vain above the diagonal, enough for fast products.
constexpr int64_t kBlockQueries = 128;
/// A processor's tile of scores is then a few hundred kilobytes; a GPU prefers few large ones.
constexpr int64_t kTileKeys = 512, kGpuTileKeys = 8192;

struct UnitRange {
  int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;
};

/// The span of units that any query of begin..end-1 sees.
UnitRange seen_by_any(const KeySpans& spans, int64_t row, int64_t begin, int64_t end) {
  UnitRange seen;
  for (int64_t t = begin; t < end; ++t) {
    const auto at = static_cast<size_t>(row * spans.queries + t);
    if (spans.begin[at] >= spans.end[at]) continue;
    seen.begin = std::min<int64_t>(seen.begin, spans.begin[at]);
    seen.end = std::max<int64_t>(seen.end, spans.end[at]);
  }
  return seen;
}

Tensor mask_of(const KeySpans& spans, const AttentionPlan::Block& block,
               const AttentionPlan::Tile& tile, torch::Device device) {
  const auto sees_all = [&](int64_t t) {
    const auto at = static_cast<size_t>(block.row * spans.queries + t);
    return spans.begin[at] <= tile.unit_begin && tile.unit_end <= spans.end[at];
  };
  int64_t t = block.query_begin;
  while (t < block.query_end && sees_all(t)) ++t;
  if (t == block.query_end) return {};

  Tensor mask =
      torch::zeros({block.query_end - block.query_begin, tile.unit_end - tile.unit_begin});
  float* values = mask.data_ptr<float>();
  for (t = block.query_begin; t < block.query_end; ++t) {
    const auto at = static_cast<size_t>(block.row * spans.queries + t);
    for (int64_t u = tile.unit_begin; u < tile.unit_end; ++u, ++values) {
      if (u >= spans.begin[at] && u < spans.end[at]) continue;
      *values = -std::numeric_limits<float>::infinity();
    }
  }
  return mask.to(device);
}

/// The heads of one block: [Hkv, G * queries, d] of x [B, T, H, d].
Tensor query_block(const Tensor& x, const AttentionPlan::Block& block, int64_t key_value_heads) {
  const Tensor rows = x[block.row].slice(0, block.query_begin, block.query_end);  // [tb, H, d]
  return rows.transpose(0, 1).reshape({key_value_heads, -1, x.size(3)});
}

/// Back from [Hkv, G * queries, d] to where the block lies in `all` [B, T, H, d].
void put_query_block(Tensor& all, const AttentionPlan::Block& block, const Tensor& x) {
  const int64_t queries = block.query_end - block.query_begin;
  all[block.row]
      .slice(0, block.query_begin, block.query_end)
      .copy_(x.reshape({all.size(2), queries, all.size(3)}).transpose(0, 1));
}

/// The tile's keys, or values, of a row's x [Hkv, S, d], as a view: [Hkv, keys, d].
Tensor key_tile(const Tensor& x, const AttentionPlan::Tile& tile, int64_t keys_per_unit) {
  return x.slice(1, tile.unit_begin * keys_per_unit, tile.unit_end * keys_per_unit);
}

/// s = q k^T + mask   [Hkv, G * tb, keys], q scaled already
Tensor scores(const Tensor& q, const Tensor& k, const AttentionPlan::Tile& tile) {
  Tensor s = torch::bmm(q, k.transpose(1, 2)).to(torch::kFloat32);
  if (tile.mask.defined()) {
    const int64_t queries = tile.mask.size(0), units = tile.mask.size(1);
    s.view({-1, queries, units, s.size(2) / units}).add_(tile.mask.unsqueeze(-1));
  }
  return s;
}

/// The softmax of a block's queries, gathered tile by tile.
struct OnlineSoftmax {
  Tensor max, sum;  // of the scores seen so far [Hkv, G * tb, 1]
  Tensor pv;        // sum of exp(s - max) v [Hkv, G * tb, d]

  void add(Tensor s, const Tensor& v) {
    const Tensor tile_max = s.amax(-1, true).clamp_min_(kSeesNothing);
    const Tensor new_max = max.defined() ? torch::maximum(max, tile_max) : tile_max;
    s.sub_(new_max).exp_();
    const Tensor tile_pv = torch::bmm(s.to(v.scalar_type()), v).to(torch::kFloat32);
    const Tensor tile_sum = s.sum(-1, true);
    if (max.defined()) {
      const Tensor kept = (max - new_max).exp_();
      sum = sum.mul_(kept).add_(tile_sum);
      pv = pv.mul_(kept).add_(tile_pv);
    } else {
      sum = tile_sum;
      pv = tile_pv;
    }
    max = new_max;
  }
};

/// What the backward pass needs beside tensors.
struct PlanHolder : torch::CustomClassHolder {
  explicit PlanHolder(const AttentionPlan& all) : plan(all) {}
  AttentionPlan plan;
};

class SpanAttention : public torch::autograd::Function<SpanAttention> {
 public:
  using Context = torch::autograd::AutogradContext;

  static torch::autograd::variable_list forward(Context* context, const Tensor& q, const Tensor& k,
                                                const Tensor& v, const AttentionPlan& plan,
                                                at::ScalarType compute_type) {
    const WithoutAutocast plain;
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
    const Tensor qs = (q * scale).to(compute_type);                     // [B, T, H, d]
    const Tensor ks = k.to(compute_type).transpose(1, 2).contiguous();  // [B, Hkv, S, d]
    const Tensor vs = v.to(compute_type).transpose(1, 2).contiguous();

    const auto options = q.options().dtype(torch::kFloat32);
    Tensor out = torch::zeros(q.sizes(), options);
    Tensor lse = torch::full({q.size(0), q.size(1), q.size(2), 1}, kSeesNothing, options);
    for (const AttentionPlan::Block& block : plan.blocks()) {
      const Tensor qb = query_block(qs, block, k.size(2));
      const Tensor k_row = ks[block.row], v_row = vs[block.row];
      OnlineSoftmax softmax;
      for (const AttentionPlan::Tile& tile : block.tiles) {
        softmax.add(scores(qb, key_tile(k_row, tile, plan.keys_per_unit()), tile),
                    key_tile(v_row, tile, plan.keys_per_unit()));
      }
      // out = p v / sum p, lse = max s + log sum p
      softmax.sum.clamp_min_(std::numeric_limits<float>::min());
      put_query_block(out, block, softmax.pv.div_(softmax.sum));
      put_query_block(lse, block, softmax.max + softmax.sum.log());
    }
    context->save_for_backward({qs, ks, vs, out, lse});
    context->saved_data["plan"] = at::IValue::make_capsule(c10::make_intrusive<PlanHolder>(plan));
    return {out, lse.squeeze(-1)};
  }

  static torch::autograd::variable_list backward(Context* context,
                                                 const torch::autograd::variable_list& gradients) {
    const WithoutAutocast plain;
    const auto saved = context->get_saved_variables();
    const Tensor &qs = saved[0], &ks = saved[1], &vs = saved[2], &out = saved[3], &lse = saved[4];
    const auto holder = context->saved_data["plan"].toCapsule();
    const AttentionPlan& plan = static_cast<const PlanHolder&>(*holder).plan;
    const at::ScalarType compute_type = qs.scalar_type();
    const double scale = 1.0 / std::sqrt(static_cast<double>(qs.size(3)));

    const Tensor d_out = gradients[0].to(compute_type);
    // delta = rowsum(dO * O) - dlse   [B, T, H, 1]
    const Tensor delta = (gradients[0] * out).sum(-1, true).sub_(gradients[1].unsqueeze(-1));
    Tensor dq = torch::zeros(qs.sizes(), out.options());
    Tensor dk = torch::zeros(ks.sizes(), out.options());
    Tensor dv = torch::zeros(vs.sizes(), out.options());
    for (const AttentionPlan::Block& block : plan.blocks()) {
      const int64_t heads = ks.size(1), row = block.row;
      const Tensor qb = query_block(qs, block, heads);
      const Tensor d_ob = query_block(d_out, block, heads);
      const Tensor lse_b = query_block(lse, block, heads);
      const Tensor delta_b = query_block(delta, block, heads);
      Tensor dqb = torch::zeros_like(qb, out.options());
      for (const AttentionPlan::Tile& tile : block.tiles) {
        const auto of_tile = [&](const Tensor& x) {
          return key_tile(x[row], tile, plan.keys_per_unit());
        };
        const Tensor kt = of_tile(ks), vt = of_tile(vs);
        // P = exp(s - lse)   [Hkv, G * tb, keys]
        const Tensor p = scores(qb, kt, tile).sub_(lse_b).exp_();
        // dV += P^T dO
        of_tile(dv).add_(torch::bmm(p.to(compute_type).transpose(1, 2), d_ob));
        // dS = P * (dO V^T - delta)
        const Tensor dp = torch::bmm(d_ob, vt.transpose(1, 2)).to(torch::kFloat32);
        const Tensor ds = dp.sub_(delta_b).mul_(p).to(compute_type);
        // dQ += dS K, dK += dS^T Q / sqrt(d)
        dqb.add_(torch::bmm(ds, kt));
        of_tile(dk).add_(torch::bmm(ds.transpose(1, 2), qb));
      }
      put_query_block(dq, block, dqb.mul_(scale));
    }
    return {dq, dk.transpose(1, 2), dv.transpose(1, 2), Tensor(), Tensor()};
  }
};

}  // namespace

AttentionPlan::AttentionPlan(const KeySpans& spans, torch::Device device)
    : keys_per_unit_(spans.keys_per_unit) {
  const int64_t tile_keys = device.is_cpu() ? kTileKeys : kGpuTileKeys;
  const int64_t tile_units = std::max<int64_t>(tile_keys / spans.keys_per_unit, 1);
  for (int64_t row = 0; row < spans.rows; ++row) {
    for (int64_t begin = 0; begin < spans.queries; begin += kBlockQueries) {
      const int64_t end = std::min(begin + kBlockQueries, spans.queries);
      Block block{row, begin, end, {}};
      const UnitRange seen = seen_by_any(spans, row, begin, end);
      for (int64_t unit = seen.begin; unit < seen.end; unit += tile_units) {
        Tile tile{unit, std::min(unit + tile_units, seen.end), {}};
        tile.mask = mask_of(spans, block, tile, device);
        block.tiles.push_back(std::move(tile));
      }
      if (!block.tiles.empty()) blocks_.push_back(std::move(block));
    }
  }
}

AttentionOutput span_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                               const AttentionPlan& plan) {
  const auto outputs = SpanAttention::apply(q, k, v, plan, compute_type(q.device()));
  return {outputs[0], outputs[1]};
}

}  // namespace owl3::train
