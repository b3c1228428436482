// Blocks of weights to values on the device: the definitions in core/block_layouts.h as operations
// on all blocks at once.
#include "backend/torch/torch_backend.h"
#include "core/block_layouts.h"

namespace owl3 {

namespace {

/// Bytes `first` to `first + count` of every block, as unsigned numbers.
at::Tensor bytes_at(const at::Tensor& blocks, size_t first, size_t count) {
  return blocks.narrow(-1, static_cast<int64_t>(first), static_cast<int64_t>(count));
}

/// The half-precision number at a place of every block, [..., 1], in float32.
at::Tensor half_at(const at::Tensor& blocks, size_t first) {
  return bytes_at(blocks, first, sizeof(uint16_t)).contiguous().view(at::kHalf).to(at::kFloat);
}

/// Bytes as numbers with a sign.
at::Tensor signed_at(const at::Tensor& blocks, size_t first, size_t count) {
  return bytes_at(blocks, first, count).contiguous().view(at::kChar).to(at::kFloat);
}

at::Tensor low_nibbles(const at::Tensor& bytes) {
  return bytes.bitwise_and(15);
}
at::Tensor high_nibbles(const at::Tensor& bytes) {
  return bytes.bitwise_right_shift(4);
}

at::Tensor expand_q8_0(const at::Tensor& blocks) {
  return half_at(blocks, offsetof(BlockQ8_0, d)) *
         signed_at(blocks, offsetof(BlockQ8_0, qs), sizeof(BlockQ8_0::qs));
}

at::Tensor expand_q4_0(const at::Tensor& blocks) {
  const at::Tensor qs = bytes_at(blocks, offsetof(BlockQ4_0, qs), sizeof(BlockQ4_0::qs));
  const at::Tensor q = at::cat({low_nibbles(qs), high_nibbles(qs)}, -1).to(at::kFloat).sub_(8);
  return half_at(blocks, offsetof(BlockQ4_0, d)) * q;
}

at::Tensor expand_q4_k(const at::Tensor& blocks) {
  const int64_t count = blocks.size(0);
  const at::Tensor scales = bytes_at(blocks, offsetof(BlockQ4_K, scales), 12);
  const at::Tensor a = scales.narrow(-1, 0, 4);
  const at::Tensor b = scales.narrow(-1, 4, 4);
  const at::Tensor c = scales.narrow(-1, 8, 4);
  const auto with_high_bits = [](const at::Tensor& low, const at::Tensor& high) {
    return low.bitwise_or(high.bitwise_right_shift(6).bitwise_left_shift(4));
  };
  // [count, 8], by group
  const at::Tensor scale = at::cat({a.bitwise_and(63), with_high_bits(low_nibbles(c), a)}, -1);
  const at::Tensor min = at::cat({b.bitwise_and(63), with_high_bits(high_nibbles(c), b)}, -1);
  const at::Tensor step = half_at(blocks, offsetof(BlockQ4_K, d)) * scale;
  const at::Tensor offset = half_at(blocks, offsetof(BlockQ4_K, dmin)) * min;
  const at::Tensor qs = bytes_at(blocks, offsetof(BlockQ4_K, qs), 128).reshape({count, 4, 32});
  // Two groups share their bytes: [count, 4, 2, 32].
  const at::Tensor q = at::stack({low_nibbles(qs), high_nibbles(qs)}, 2).view({count, 8, 32});
  return (step.unsqueeze(-1) * q - offset.unsqueeze(-1)).view({count, 256});
}

at::Tensor expand_q6_k(const at::Tensor& blocks) {
  const int64_t count = blocks.size(0);
  const at::Tensor ql = bytes_at(blocks, offsetof(BlockQ6_K, ql), 128).reshape({count, 2, 2, 32});
  const at::Tensor qh = bytes_at(blocks, offsetof(BlockQ6_K, qh), 64).reshape({count, 2, 32});
  // [count, h, p, 32]: p < 2 the low nibbles of both halves of ql, p >= 2 the high ones.
  const at::Tensor low = at::cat({low_nibbles(ql), high_nibbles(ql)}, 2);
  std::vector<at::Tensor> of_p;
  for (int64_t p = 0; p < 4; ++p) of_p.push_back(qh.bitwise_right_shift(2 * p).bitwise_and(3));
  const at::Tensor high = at::stack(of_p, 2).bitwise_left_shift(4);
  const at::Tensor q = low.bitwise_or(high).view({count, 16, 16}).to(at::kFloat).sub_(32);
  const at::Tensor step =
      half_at(blocks, offsetof(BlockQ6_K, d)) * signed_at(blocks, offsetof(BlockQ6_K, scales), 16);
  return (step.unsqueeze(-1) * q).view({count, 256});
}

}  // namespace

at::Tensor expand_blocks(DType type, const at::Tensor& bytes) {
  const int64_t rows = bytes.size(0);
  const auto block = static_cast<int64_t>(block_bytes(type));
  const at::Tensor blocks = bytes.view(at::kByte).view({-1, block});
  const auto values = [&] {
    switch (type) {
      case DType::kQ8_0:
        return expand_q8_0(blocks);
      case DType::kQ4_0:
        return expand_q4_0(blocks);
      case DType::kQ4_K:
        return expand_q4_k(blocks);
      case DType::kQ6_K:
        return expand_q6_k(blocks);
      default:
        break;
    }
    OWL3_CHECK(false);
  };
  return values().view({rows, -1});
}

}  // namespace owl3
