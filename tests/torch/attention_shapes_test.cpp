// The attention operations over odd shapes against the definition in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "plain_attention.h"
#include "torch_device.h"

namespace owl3 {
namespace {

using test::add_keys;
using test::head_of;
using test::Numbers;
using test::plain_attention;
using test::Row;

constexpr double kTheta = 100;

struct AttentionShape {
  int64_t heads, key_value_heads, size;
  int64_t keys;  // of an image, of a text
  int64_t rows;  // the last of the text
};
constexpr AttentionShape kOddShapes[] = {{1, 1, 2, 1, 1},    {3, 3, 6, 2, 2},
                                         {7, 1, 10, 17, 5},  {4, 2, 36, 65, 1},
                                         {5, 5, 72, 31, 31}, {2, 1, 128, 300, 3}};

class TorchAttentionShapes : public testing::TestWithParam<Precision> {
 protected:
  struct Block {
    KeyValueBlock block;
    Tensor keys, values;  // [count, Hkv, d]
  };

  Tensor there(const Tensor& host) { return backend_->upload(host); }
  Tensor here(const Tensor& x) { return backend_->download(x); }
  DType dtype() const { return GetParam() == Precision::kFloat32 ? DType::kF32 : DType::kBF16; }

  /// As images' come: of what v_kv_proj gives, [L, Hkv, 2, d].
  Block block(const AttentionShape& shape, uint32_t seed) {
    const Shape each = {shape.keys, shape.key_value_heads, shape.size};
    Block made = {{}, random_tensor(each, seed), random_tensor(each, seed + 1)};
    Tensor kv = make_tensor(DType::kF32, {shape.keys, shape.key_value_heads * 2 * shape.size});
    for (int64_t i = 0; i < made.keys.size(); ++i) {
      const int64_t row = i / shape.size, c = i % shape.size;
      kv.f32()[row * 2 * shape.size + c] = made.keys.f32()[i];
      kv.f32()[(row * 2 + 1) * shape.size + c] = made.values.f32()[i];
    }
    made.block = backend_->split_keys_values(there(kv), shape.key_value_heads, dtype());
    EXPECT_EQ(made.block.count, shape.keys);
    return made;
  }

  void expect_rows(const AttentionShape& shape, const AttentionPart& part,
                   const std::function<Row(int64_t t, int64_t head)>& expected) {
    const double tolerance = GetParam() == Precision::kFloat32 ? 2e-5 : 3e-2;
    const Tensor out = here(part.out), sums = here(part.log_sum_exp);
    ASSERT_EQ(out.shape(), (Shape{shape.rows, shape.heads, shape.size}));
    ASSERT_EQ(sums.shape(), (Shape{shape.rows, shape.heads}));
    const int64_t step = std::max<int64_t>(1, sums.size() / 200);  // of many, some
    for (int64_t i = sums.size() - 1; i >= 0; i -= step) {
      const int64_t t = i / shape.heads, head = i % shape.heads;
      const Row row = expected(t, head);
      ASSERT_NEAR(element(sums, i), row.log_sum_exp,
                  2 * tolerance * (1 + std::fabs(row.log_sum_exp)))
          << shape.keys << " keys, row " << t << ", head " << head;
      const Numbers got = head_of(out, t, head);
      for (size_t c = 0; c < got.size(); ++c) {
        ASSERT_NEAR(got[c], row.out[c], tolerance * (1 + std::fabs(row.out[c])))
            << shape.keys << " keys, row " << t << ", head " << head;
      }
    }
  }

  void expect_text(const AttentionShape& shape) {
    const Block text = block(shape, 1);
    const Tensor q = random_tensor({shape.rows, shape.heads, shape.size}, 3);
    const int64_t first = shape.keys - shape.rows;
    const TextRows rows = {shape.rows, first, {&text.block, 1}};
    expect_rows(shape, backend_->causal_attention(there(q), {&rows, 1}),
                [&](int64_t t, int64_t head) {
                  std::vector<Numbers> keys, values;
                  add_keys(keys, values, text.keys, text.values, first + t + 1,
                           head * shape.key_value_heads / shape.heads);
                  return plain_attention(head_of(q, t, head), keys, values);
                });
  }

  std::unique_ptr<Backend> backend_ = test::torch_cpu(GetParam());
};

INSTANTIATE_TEST_SUITE_P(BothPrecisions, TorchAttentionShapes,
                         testing::Values(Precision::kFloat32, Precision::kBFloat16),
                         [](const auto& test) {
                           return std::string(test::name_of_precision(test.param));
                         });

TEST_P(TorchAttentionShapes, OfText) {
  for (const AttentionShape& shape : kOddShapes) expect_text(shape);
}

TEST_P(TorchAttentionShapes, OfLongTexts) {
  for (const int64_t rows : {1, 2, 130, 1500}) expect_text({6, 2, 32, 1500, rows});
}

TEST_P(TorchAttentionShapes, OfImages) {
  constexpr int64_t kImages = 3, kFirst = 9;
  for (const AttentionShape& shape : kOddShapes) {
    std::vector<Block> blocks;
    std::vector<VisibleImage> images;
    for (int64_t i = 0; i < kImages; ++i) {
      blocks.push_back(block(shape, static_cast<uint32_t>(10 + 2 * i)));
      images.push_back({blocks.back().block, 4 * i, 4 * i});
    }
    const Tensor q = random_tensor({shape.rows, shape.heads, shape.size}, 3);
    const VisualRows rows = {shape.rows, kFirst, images};
    const Tensor rope = backend_->rope_table(64, shape.size, kTheta);
    expect_rows(shape, backend_->visual_attention(there(q), {&rows, 1}, rope),
                [&](int64_t t, int64_t head) {
                  // Keys are rotated back instead of the query: one softmax over all images.
                  std::vector<Numbers> keys, values;
                  for (int64_t i = 0; i < kImages; ++i) {
                    add_keys(keys, values, blocks[static_cast<size_t>(i)].keys,
                             blocks[static_cast<size_t>(i)].values, shape.keys,
                             head * shape.key_value_heads / shape.heads);
                    for (auto key = keys.end() - shape.keys; key != keys.end(); ++key) {
                      *key = test::rotated(*key, 4 * i - (kFirst + t), kTheta);
                    }
                  }
                  return plain_attention(head_of(q, t, head), keys, values);
                });
  }
}

TEST_P(TorchAttentionShapes, OfImagesOverThemselves) {
  for (const AttentionShape& shape : kOddShapes) {
    constexpr int64_t kImages = 2;
    const Shape each = {kImages * shape.keys, shape.heads, shape.size};
    const Tensor q = random_tensor(each, 1), k = random_tensor(each, 2), v = random_tensor(each, 3);
    const Tensor out = here(backend_->self_attention(there(q), there(k), there(v), shape.keys));
    ASSERT_EQ(out.shape(), each);
    for (int64_t i = 0; i < kImages * shape.heads; ++i) {
      const int64_t image = i / shape.heads, head = i % shape.heads;
      const int64_t t = image * shape.keys + shape.keys / 2;
      std::vector<Numbers> keys, values;
      const int64_t end = (image + 1) * shape.keys;
      add_keys(keys, values, k.rows(image * shape.keys, end), v.rows(image * shape.keys, end),
               shape.keys, head);
      const Row row = plain_attention(head_of(q, t, head), keys, values);
      const Numbers got = head_of(out, t, head);
      for (size_t c = 0; c < got.size(); ++c) {
        ASSERT_NEAR(got[c], row.out[c], GetParam() == Precision::kFloat32 ? 2e-5 : 3e-2);
      }
    }
  }
}

}  // namespace
}  // namespace owl3
