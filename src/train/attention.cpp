// Blockwise attention with its own backward pass, after FlashAttention (arXiv 2205.14135): with
// lse = log sum exp(s), P = exp(s - lse), the gradient of the scores is
//   dS = P * (dO V^T - rowsum(dO * O) + dlse),
// so out and lse are all that a backward pass needs beside the inputs. Only blocks of keys that
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

/// The span of units that any query of begin..end-1 sees.
AttentionPlan::Block block_of(const KeySpans& spans, int64_t row, int64_t begin, int64_t end) {
  AttentionPlan::Block block{row, begin, end, std::numeric_limits<int64_t>::max(), 0, {}};
  for (int64_t t = begin; t < end; ++t) {
    const auto at = static_cast<size_t>(row * spans.queries + t);
    if (spans.begin[at] >= spans.end[at]) continue;
    block.unit_begin = std::min<int64_t>(block.unit_begin, spans.begin[at]);
    block.unit_end = std::max<int64_t>(block.unit_end, spans.end[at]);
  }
  return block;
}

Tensor mask_of(const KeySpans& spans, const AttentionPlan::Block& block, torch::Device device) {
  const int64_t units = block.unit_end - block.unit_begin;
  Tensor mask = torch::zeros({block.query_end - block.query_begin, units});
  float* values = mask.data_ptr<float>();
  bool needed = false;
  for (int64_t t = block.query_begin; t < block.query_end; ++t) {
    const auto at = static_cast<size_t>(block.row * spans.queries + t);
    for (int64_t u = block.unit_begin; u < block.unit_end; ++u, ++values) {
      if (u >= spans.begin[at] && u < spans.end[at]) continue;
      *values = -std::numeric_limits<float>::infinity();
      needed = true;
    }
  }
  return needed ? mask.to(device) : Tensor();
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

/// The block's keys, or values, of x [B, Hkv, S, d], as a view: [Hkv, keys, d].
Tensor key_block(const Tensor& x, const AttentionPlan::Block& block, int64_t keys_per_unit) {
  return x[block.row].slice(1, block.unit_begin * keys_per_unit, block.unit_end * keys_per_unit);
}

/// s = q k^T + mask   [Hkv, G * tb, keys], q scaled already
Tensor scores(const Tensor& q, const Tensor& k, const AttentionPlan::Block& block) {
  Tensor s = torch::bmm(q, k.transpose(1, 2)).to(torch::kFloat32);
  if (block.mask.defined()) {
    const int64_t queries = block.mask.size(0), units = block.mask.size(1);
    s.view({-1, queries, units, s.size(2) / units}).add_(block.mask.unsqueeze(-1));
  }
  return s;
}

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
      const Tensor kb = key_block(ks, block, plan.keys_per_unit());
      const Tensor vb = key_block(vs, block, plan.keys_per_unit());
      // p = exp(s - max s)   [Hkv, G * tb, keys]
      Tensor p = scores(query_block(qs, block, k.size(2)), kb, block);
      const Tensor max = p.amax(-1, true).clamp_min_(kSeesNothing);
      p.sub_(max).exp_();
      // out = p v / sum p, lse = max s + log sum p
      const Tensor sum = p.sum(-1, true).clamp_min_(std::numeric_limits<float>::min());
      const Tensor pv = torch::bmm(p.to(compute_type), vb).to(torch::kFloat32);
      put_query_block(out, block, pv.div_(sum));
      put_query_block(lse, block, max + sum.log());
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
      const int64_t heads = ks.size(1);
      const Tensor qb = query_block(qs, block, heads);
      const Tensor kb = key_block(ks, block, plan.keys_per_unit());
      const Tensor vb = key_block(vs, block, plan.keys_per_unit());
      const Tensor d_ob = query_block(d_out, block, heads);
      // P = exp(s - lse)   [Hkv, G * tb, keys]
      const Tensor p = scores(qb, kb, block).sub_(query_block(lse, block, heads)).exp_();
      // dV += P^T dO
      key_block(dv, block, plan.keys_per_unit())
          .add_(torch::bmm(p.to(compute_type).transpose(1, 2), d_ob));
      // dS = P * (dO V^T - delta)
      const Tensor dp = torch::bmm(d_ob, vb.transpose(1, 2)).to(torch::kFloat32);
      const Tensor ds = dp.sub_(query_block(delta, block, heads)).mul_(p).to(compute_type);
      // dQ = dS K / sqrt(d), dK += dS^T Q / sqrt(d)
      put_query_block(dq, block, torch::bmm(ds, kb).to(torch::kFloat32).mul_(scale));
      key_block(dk, block, plan.keys_per_unit()).add_(torch::bmm(ds.transpose(1, 2), qb));
    }
    return {dq, dk.transpose(1, 2), dv.transpose(1, 2), Tensor(), Tensor()};
  }
};

}  // namespace

AttentionPlan::AttentionPlan(const KeySpans& spans, torch::Device device)
    : keys_per_unit_(spans.keys_per_unit) {
  for (int64_t row = 0; row < spans.rows; ++row) {
    for (int64_t begin = 0; begin < spans.queries; begin += kBlockQueries) {
      const int64_t end = std::min(begin + kBlockQueries, spans.queries);
      Block block = block_of(spans, row, begin, end);
      if (block.unit_begin >= block.unit_end) continue;
      block.mask = mask_of(spans, block, device);
      blocks_.push_back(std::move(block));
    }
  }
}

AttentionOutput span_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                               const AttentionPlan& plan) {
  const auto outputs = SpanAttention::apply(q, k, v, plan, compute_type(q.device()));
  return {outputs[0], outputs[1]};
}

}  // namespace owl3::train
