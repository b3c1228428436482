// All that differs between the versions of LibTorch that the plug-in is written for: 1.13, which
// Debian 12 has, and 2.x.
#pragma once

#include <optional>
#include <utility>

#include "backend/torch/torch.h"

#define OWL3_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||       \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace owl3::torch_versions {

/// softmax(q k^T / sqrt(d)) v of [n, H, L, d], all heads on their own, where LibTorch has one
/// operation for it (2.0); an undefined tensor where it has none.
inline at::Tensor fused_attention([[maybe_unused]] const at::Tensor& q,
                                  [[maybe_unused]] const at::Tensor& k,
                                  [[maybe_unused]] const at::Tensor& v) {
#if OWL3_TORCH_AT_LEAST(2, 0)
  return at::scaled_dot_product_attention(q, k, v);
#else
  return {};
#endif
}

/// x / sqrt(mean(x^2) + eps) * weight by rows, where a card has one kernel for it (2.9); an
/// undefined tensor where LibTorch composes it, too.
inline at::Tensor fused_rms_norm([[maybe_unused]] const at::Tensor& x,
                                 [[maybe_unused]] const at::Tensor& weight,
                                 [[maybe_unused]] double eps) {
#if OWL3_TORCH_AT_LEAST(2, 9)
  return at::rms_norm(x, {x.size(-1)}, weight, eps);
#else
  return {};
#endif
}

/// x w of bf16 in float32, without rounding sums to bf16 (2.8, on CUDA). Throws c10::Error where
/// the device doesn't do that; an undefined tensor where LibTorch has no such operation.
inline at::Tensor product_in_float([[maybe_unused]] const at::Tensor& x,
                                   [[maybe_unused]] const at::Tensor& w) {
#if OWL3_TORCH_AT_LEAST(2, 8)
  return at::mm(x, w, at::kFloat);
#else
  return {};
#endif
}

using OutAndLogSumExp = std::pair<at::Tensor, at::Tensor>;

/// The same with the logarithm of the softmax's denominator, [n, H, L]: flash attention's (2.2). Of
/// as many queries as keys each may see those up to its own. Throws c10::Error for what its kernels
/// don't take; nothing where there is none.
inline std::optional<OutAndLogSumExp> flash_attention([[maybe_unused]] const at::Tensor& q,
                                                      [[maybe_unused]] const at::Tensor& k,
                                                      [[maybe_unused]] const at::Tensor& v,
                                                      [[maybe_unused]] bool causal) {
#if OWL3_TORCH_AT_LEAST(2, 2)
  constexpr double kDropout = 0;
  if (q.is_cuda()) {
    const auto all = at::_scaled_dot_product_flash_attention(q, k, v, kDropout, causal);
    return OutAndLogSumExp{std::get<0>(all), std::get<1>(all)};
  }
  if (q.is_cpu()) {
    const auto all = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, kDropout, causal);
    return OutAndLogSumExp{std::get<0>(all), std::get<1>(all)};
  }
#endif
  return std::nullopt;
}

}  // namespace owl3::torch_versions
