// Attention over spans against plain softmax with a mask, gradients included.
#include "train/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train_fixtures.h"

namespace owl3::train {
namespace {

using test::largest_difference;
using torch::Tensor;

struct Case {
  int64_t B, T, units, keys_per_unit, H, Hkv, d;
};

/// Spans of all kinds: none, some, all; not monotonous.
KeySpans some_spans(const Case& c) {
  KeySpans spans{c.B, c.T, c.units, c.keys_per_unit, {}, {}};
  for (int64_t i = 0; i < c.B * c.T; ++i) {
    const auto begin = static_cast<int32_t>((i * 5) % (c.units + 1));
    const auto length = static_cast<int32_t>((i * 3) % (c.units + 2));
    spans.begin.push_back(begin);
    spans.end.push_back(std::min(begin + length, static_cast<int32_t>(c.units)));
  }
  return spans;
}

/// The definition, with a mask [B, 1, T, S].
AttentionOutput plain_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                const KeySpans& spans) {
  const int64_t groups = q.size(2) / k.size(2);
  const Tensor keys = k.repeat_interleave(groups, 2), values = v.repeat_interleave(groups, 2);
  Tensor mask = torch::zeros({spans.rows, 1, spans.queries, k.size(1)}, torch::kBool);
  for (int64_t row = 0; row < spans.rows; ++row) {
    for (int64_t t = 0; t < spans.queries; ++t) {
      const auto at = static_cast<size_t>(row * spans.queries + t);
      if (spans.begin[at] >= spans.end[at]) continue;
      mask[row][0][t].slice(0, spans.begin[at] * spans.keys_per_unit,
                            spans.end[at] * spans.keys_per_unit) = true;
    }
  }
  const Tensor s =
      torch::einsum("bthd,bshd->bhts", {q, keys}) / std::sqrt(static_cast<double>(q.size(3)));
  const Tensor p = torch::where(mask, s.exp(), torch::zeros({}, s.options()));
  const Tensor sum = p.sum(-1);  // [B, H, T]
  const Tensor out = torch::einsum("bhts,bshd->bthd", {p, values}) /
                     sum.clamp_min(1e-30).transpose(1, 2).unsqueeze(-1);
  return {out, sum.clamp_min(1e-30).log().transpose(1, 2)};
}

class SpanAttention : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Shapes, SpanAttention,
                         testing::Values(Case{1, 7, 7, 1, 2, 2, 4}, Case{2, 150, 150, 1, 4, 2, 6},
                                         Case{3, 20, 5, 9, 6, 3, 8}, Case{1, 300, 11, 16, 4, 1, 4},
                                         Case{2, 1, 3, 4, 2, 1, 2}));

TEST_P(SpanAttention, EqualsSoftmaxWithAMaskGradientsIncluded) {
  const Case c = GetParam();
  torch::manual_seed(3);
  const int64_t S = c.units * c.keys_per_unit;
  std::vector<Tensor> inputs = {torch::randn({c.B, c.T, c.H, c.d}),
                                torch::randn({c.B, S, c.Hkv, c.d}),
                                torch::randn({c.B, S, c.Hkv, c.d})};
  std::vector<Tensor> same;
  for (Tensor& input : inputs) {
    input.requires_grad_();
    same.push_back(input.detach().clone().requires_grad_());
  }
  const KeySpans spans = some_spans(c);
  const auto ours = span_attention(inputs[0], inputs[1], inputs[2], {spans, torch::kCPU});
  const auto plain = plain_attention(same[0], same[1], same[2], spans);
  const Tensor sees = ours.log_normaliser.gt(kSeesNothing);
  EXPECT_LT(largest_difference(ours.out, plain.out), 1e-5);
  EXPECT_LT(largest_difference(ours.log_normaliser * sees, plain.log_normaliser * sees), 1e-5);
  EXPECT_EQ(ours.out.masked_select(sees.logical_not().unsqueeze(-1)).abs().sum().item<double>(), 0);

  // Any function of both outputs will do.
  const Tensor weights = torch::randn_like(ours.out);
  const auto loss = [&](const AttentionOutput& o) {
    return (o.out * weights).sum() + (o.log_normaliser * sees).sin().sum();
  };
  loss(ours).backward();
  loss(plain).backward();
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LT(largest_difference(inputs[i].grad(), same[i].grad()), 2e-5) << "input " << i;
  }
}

}  // namespace
}  // namespace owl3::train
