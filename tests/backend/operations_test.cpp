#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "random_tensor.h"

namespace owl3 {
namespace {

TEST(Operations, PatchesAreCutRowByRowAndDropTheRest) {
  CpuBackend backend;
  const Tensor pixels = random_tensor({2, 3, 11, 11}, 1);  // 2 x 2 patches of 4; 3 pixels fall off
  const Tensor patches = backend.patches(pixels, 4);
  ASSERT_EQ(patches.shape(), (Shape{8, 48}));
  // image 1, patch (1, 0), channel 2, row 3, column 1
  EXPECT_EQ(element(patches, (4 + 2) * 48 + (2 * 4 + 3) * 4 + 1),
            element(pixels, ((1 * 3 + 2) * 11 + 4 + 3) * 11 + 1));
}

TEST(Operations, EmbeddingTakesRowsOfAnyType) {
  CpuBackend backend;
  const Tensor table = random_tensor({9, 33}, 2, DType::kF16);
  const std::vector<int32_t> ids = {8, 0, 8};
  const Tensor x = backend.embedding(table, ids);
  for (int64_t i = 0; i < 33; ++i) {
    EXPECT_EQ(element(x, i), element(table, 8 * 33 + i));
    EXPECT_EQ(element(x, 33 + i), element(table, i));
  }
}

TEST(Operations, KeysAndValuesAreSplitByHead) {
  CpuBackend backend;
  const Tensor kv = random_tensor({5, 2 * 2 * 6}, 3);  // [L, Hkv, 2, d]
  const KeyValueBlock block = backend.split_keys_values(kv, 2, DType::kBF16);
  ASSERT_EQ(block.keys.shape(), (Shape{2, 5, 6}));
  for (int64_t head = 0; head < 2; ++head) {
    for (int64_t t = 0; t < 5; ++t) {
      const auto from = static_cast<float>(element(kv, (t * 2 + head) * 12 + 4));
      const auto value = static_cast<float>(element(kv, (t * 2 + head) * 12 + 6 + 4));
      EXPECT_EQ(block.keys.data<bf16>()[(head * 5 + t) * 6 + 4].bits, bf16::from_float(from).bits);
      EXPECT_EQ(block.values.data<bf16>()[(head * 5 + t) * 6 + 4].bits,
                bf16::from_float(value).bits);
    }
  }
}

TEST(Operations, JoinedPartsAreTheSoftmaxOverBoth) {
  CpuBackend backend;
  const AttentionPart a = {random_tensor({2, 1, 4}, 5), random_tensor({2, 1}, 6)};
  AttentionPart b = {random_tensor({2, 1, 4}, 7), random_tensor({2, 1}, 8)};
  b.log_sum_exp.f32()[1] = -INFINITY;  // the second row sees no image
  const Tensor joined = backend.join_softmax(a, b);
  const double wa = std::exp(element(a.log_sum_exp, 0)), wb = std::exp(element(b.log_sum_exp, 0));
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(element(joined, i), (wa * element(a.out, i) + wb * element(b.out, i)) / (wa + wb),
                1e-6);
    EXPECT_EQ(element(joined, 4 + i), element(a.out, 4 + i));
  }
}

TEST(Operations, TheGateMixesOnlyWhereAnImageIsSeen) {
  CpuBackend backend;
  const AttentionPart text = {random_tensor({2, 1, 4}, 9), random_tensor({2, 1}, 10)};
  AttentionPart visual = {random_tensor({2, 1, 4}, 11), random_tensor({2, 1}, 12)};
  visual.log_sum_exp.f32()[1] = -INFINITY;
  Tensor gate = make_tensor(DType::kF32, {4});
  for (int64_t i = 0; i < 4; ++i) gate.f32()[i] = 0.25f * static_cast<float>(i);
  const Tensor mixed = backend.mix_by_gate(text, visual, gate);
  for (int64_t i = 0; i < 4; ++i) {
    const double g = element(gate, i);
    EXPECT_NEAR(element(mixed, i), (1 - g) * element(text.out, i) + g * element(visual.out, i),
                1e-6);
    EXPECT_EQ(element(mixed, 4 + i), element(text.out, 4 + i));
  }
}

TEST(Operations, BuffersAreReusedButNeverShared) {
  CpuBackend backend;
  const void* first = nullptr;
  {
    const Tensor a = backend.allocate(DType::kF32, {1000});
    const Tensor b = backend.allocate(DType::kF32, {1000});
    EXPECT_NE(a.raw(), b.raw());
    first = a.raw();
  }
  const Tensor c = backend.allocate(DType::kF32, {1000});
  const Tensor d = backend.allocate(DType::kF32, {1000});
  EXPECT_TRUE(c.raw() == first || d.raw() == first);
}

}  // namespace
}  // namespace owl3
