// Parts of attention: queries by heads of keys and back, and parts over some of the keys joined.
#pragma once

#include <cmath>
#include <vector>

#include "backend/torch/torch.h"

namespace owl3 {

/// x, but 0 where it is -inf: what scores may be shifted by.
inline at::Tensor finite_shift(const at::Tensor& log_sum_exp) {
  return at::where(log_sum_exp == -INFINITY, at::zeros_like(log_sum_exp), log_sum_exp);
}

/// q [..., T, H, d] by the heads of keys, [..., Hkv, group * T, d].
inline at::Tensor by_key_heads(const at::Tensor& q, int64_t key_value_heads) {
  const int64_t tokens = q.size(-3);
  const int64_t group = q.size(-2) / key_value_heads;
  std::vector<int64_t> split(q.sizes().begin(), q.sizes().end() - 2);
  split.insert(split.end(), {key_value_heads, group, q.size(-1)});
  std::vector<int64_t> joined(q.sizes().begin(), q.sizes().end() - 3);
  joined.insert(joined.end(), {key_value_heads, group * tokens, q.size(-1)});
  // [..., T, Hkv, group, d] -> [..., Hkv, group, T, d]
  return q.reshape(split).movedim(-4, -2).reshape(joined);
}

/// The way back, of [Hkv, group * T, d] or, without d, [Hkv, group * T]:  -> [T, H, d] or [T, H]
inline at::Tensor by_tokens(const at::Tensor& x, int64_t tokens) {
  const int64_t heads = x.size(0) * x.size(1) / tokens;
  std::vector<int64_t> split = {heads, tokens};
  if (x.dim() == 3) split.push_back(x.size(2));
  return x.reshape(split).transpose(0, 1);
}

/// Tokens of rows [..., group * T] as an axis of their own, to be masked: [..., group, T, ...].
inline at::Tensor with_token_axis(const at::Tensor& x, int64_t axis, int64_t tokens) {
  return x.unflatten(axis, at::IntArrayRef({x.size(axis) / tokens, tokens}));
}

/// Joins b to a, which may be nothing yet.
template <typename Part>
void join(Part& a, const Part& b) {
  if (!a.out.defined()) {
    a = b;
    return;
  }
  const at::Tensor both = at::logaddexp(a.log_sum_exp, b.log_sum_exp);
  const at::Tensor shift = finite_shift(both);
  a.out = a.out * (a.log_sum_exp - shift).exp_().unsqueeze(-1) +
          b.out * (b.log_sum_exp - shift).exp_().unsqueeze(-1);
  a.log_sum_exp = both;
}

}  // namespace owl3
