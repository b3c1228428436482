#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

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

TEST(Operations, SplitKeysAndValuesAreThoseAppendedByHead) {
  CpuBackend backend;
  const int64_t tokens = 21, heads = 2, d = 6;
  const Tensor kv = random_tensor({tokens, heads * 2 * d}, 3);  // [L, Hkv, 2, d]
  Tensor keys = make_tensor(DType::kF32, {tokens, heads, d});
  Tensor values = make_tensor(DType::kF32, {tokens, heads, d});
  for (int64_t row = 0; row < tokens * heads; ++row) {
    std::copy_n(kv.f32() + row * 2 * d, d, keys.f32() + row * d);
    std::copy_n(kv.f32() + row * 2 * d + d, d, values.f32() + row * d);
  }
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kI8}) {
    KeyValueBlock appended = backend.new_block(heads, tokens, d, dtype);
    backend.append(appended, keys, values);
    const KeyValueBlock split = backend.split_keys_values(kv, heads, dtype);
    ASSERT_EQ(split.count, tokens);
    ASSERT_EQ(split.bytes(), appended.bytes());
    for (const auto part : {&KeyValueBlock::keys, &KeyValueBlock::values}) {
      ASSERT_EQ(
          std::memcmp((split.*part).raw(), (appended.*part).raw(), (split.*part).size_bytes()), 0)
          << name_of(dtype);
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
