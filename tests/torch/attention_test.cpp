// The attention operations of LibTorch's backend against the definition in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "plain_attention.h"
#include "torch_device.h"

namespace owl3 {
namespace {

using test::torch_cpu;

constexpr int64_t kHeads = 6, kKeyValueHeads = 2, kGroup = kHeads / kKeyValueHeads;
constexpr int64_t kSize = 20, kPositions = 700;
constexpr double kTheta = 100;

using test::add_keys;
using test::dot;
using test::head_of;
using test::Numbers;
using test::plain_attention;
using test::Row;

Numbers rotated(const Numbers& x, int64_t position) {
  return test::rotated(x, position, kTheta);
}

struct Case {
  Precision precision;
  DType dtype;  // of the blocks
};

class TorchAttention : public testing::TestWithParam<Case> {
 protected:
  /// Keys and values [count, Hkv, d] and a block of them.
  struct Block {
    KeyValueBlock block;
    Tensor keys, values;
  };

  Tensor there(const Tensor& host) { return backend_->upload(host); }

  Block random_block(int64_t count, uint32_t seed, int64_t capacity = 0) {
    Block made = {
        backend_->new_block(kKeyValueHeads, std::max(count, capacity), kSize, GetParam().dtype),
        random_tensor({count, kKeyValueHeads, kSize}, seed),
        random_tensor({count, kKeyValueHeads, kSize}, seed + 1)};
    const int64_t half = count / 2;  // appended in two pieces
    for (const auto& [first, last] : {std::pair{int64_t{0}, half}, std::pair{half, count}}) {
      if (first == last) continue;
      backend_->append(made.block, there(made.keys.rows(first, last)),
                       there(made.values.rows(first, last)));
    }
    return made;
  }

  double tolerance() const {
    if (GetParam().dtype == DType::kI8) return 4e-2;
    return GetParam().precision == Precision::kFloat32 ? 2e-5 : 3e-2;
  }

  /// Holds one row and head to what it should be.
  void expect_row(const Tensor& out, const Tensor& log_sum_exp, int64_t t, int64_t head,
                  const Row& row) {
    const Numbers got = head_of(out, t, head);
    for (size_t c = 0; c < got.size(); ++c) {
      ASSERT_NEAR(got[c], row.out[c], tolerance()) << "row " << t << ", head " << head;
    }
    if (!log_sum_exp.defined()) return;
    const double sum = element(log_sum_exp, t * kHeads + head);
    if (row.log_sum_exp == -INFINITY) {
      ASSERT_EQ(sum, -INFINITY);
    } else {
      ASSERT_NEAR(sum, row.log_sum_exp, tolerance() * 2) << "row " << t << ", head " << head;
    }
  }

  std::unique_ptr<Backend> backend_ = torch_cpu(GetParam().precision);
};

INSTANTIATE_TEST_SUITE_P(EveryType, TorchAttention,
                         testing::Values(Case{Precision::kFloat32, DType::kF32},
                                         Case{Precision::kBFloat16, DType::kBF16},
                                         Case{Precision::kFloat32, DType::kI8},
                                         Case{Precision::kBFloat16, DType::kI8}),
                         [](const auto& test) {
                           return fmt::format("{}_{}",
                                              test::name_of_precision(test.param.precision),
                                              name_of(test.param.dtype));
                         });

TEST_P(TorchAttention, TextSeesWhatWasBeforeIt) {
  // Two sequences in a step: one that reads many rows of a long text, and one that reads one.
  std::vector<Block> long_text = {random_block(300, 1), random_block(300, 3),
                                  random_block(41, 5, 300)};
  std::vector<Block> short_text = {random_block(5, 7, 8)};
  const auto pages = [](const std::vector<Block>& blocks) {
    std::vector<KeyValueBlock> list;
    for (const Block& block : blocks) list.push_back(block.block);
    return list;
  };
  const std::vector<KeyValueBlock> long_pages = pages(long_text), short_pages = pages(short_text);
  constexpr int64_t kRows = 37;
  const Tensor q = random_tensor({kRows + 1, kHeads, kSize}, 9);
  const TextRows sequences[] = {{kRows, 641 - kRows, long_pages}, {1, 4, short_pages}};
  const AttentionPart part = backend_->causal_attention(there(q), sequences);
  const Tensor out = backend_->download(part.out), sums = backend_->download(part.log_sum_exp);
  for (const int64_t t : {int64_t{0}, int64_t{18}, kRows - 1, kRows}) {
    for (int64_t head = 0; head < kHeads; ++head) {
      std::vector<Numbers> keys, values;
      const auto& text = t == kRows ? short_text : long_text;
      int64_t left = t == kRows ? 5 : 641 - kRows + t + 1;
      for (const Block& block : text) {
        const int64_t count = std::min(left, block.keys.dim(0));
        add_keys(keys, values, block.keys, block.values, count, head / kGroup);
        left -= count;
      }
      expect_row(out, sums, t, head, plain_attention(head_of(q, t, head), keys, values));
    }
  }
}

TEST_P(TorchAttention, RowsSeeTheImagesBeforeThemFromTheirDistance) {
  constexpr int64_t kKeys = 19, kRows = 5, kFirst = 30;
  std::vector<Block> blocks;
  std::vector<VisibleImage> images;
  // Of two sizes, so that they don't all go into one product; the last are seen by some rows only.
  for (int64_t i = 0; i < 9; ++i) {
    blocks.push_back(random_block(i == 4 ? kKeys + 3 : kKeys, static_cast<uint32_t>(20 + 2 * i)));
    const int64_t position = i < 7 ? 3 * i : kFirst + 2 * (i - 6);
    images.push_back({blocks.back().block, position, position});
  }
  const Tensor q = random_tensor({2 + kRows, kHeads, kSize}, 50);
  const VisualRows sequences[] = {{2, 5, {}, 0}, {kRows, kFirst, images, 2}};
  const Tensor rope = backend_->rope_table(kPositions, kSize, kTheta);
  const AttentionPart part = backend_->visual_attention(there(q), sequences, rope);
  const Tensor out = backend_->download(part.out), sums = backend_->download(part.log_sum_exp);
  ASSERT_EQ(part.by_image.size(), 2U);
  const Tensor by_image = backend_->download(part.by_image[1]);
  ASSERT_EQ(by_image.shape(), (Shape{2, kHeads, 9}));
  const ImageWeights weights = backend_->image_weights(part, 1, 2 + kRows - 2, nullptr);
  for (int64_t t = 0; t < 2 + kRows; ++t) {
    for (int64_t head = 0; head < kHeads; ++head) {
      // Keys rotated back by the image's place are what the query's turn stands for.
      const int64_t position = kFirst + t - 2;
      Row all = {Numbers(kSize, 0.0), -INFINITY};
      double sum = 0;
      std::vector<double> of_image;
      for (size_t i = 0; t >= 2 && i < images.size(); ++i) {
        if (position < images[i].first_query) {
          of_image.push_back(-INFINITY);
          continue;
        }
        std::vector<Numbers> keys, values;
        add_keys(keys, values, blocks[i].keys, blocks[i].values, blocks[i].keys.dim(0),
                 head / kGroup);
        const Row one = plain_attention(rotated(head_of(q, t, head), position - images[i].position),
                                        keys, values);
        of_image.push_back(one.log_sum_exp);
        for (size_t c = 0; c < one.out.size(); ++c) {
          all.out[c] += std::exp(one.log_sum_exp) * one.out[c];
        }
        sum += std::exp(one.log_sum_exp);
      }
      for (double& v : all.out) v /= sum > 0 ? sum : 1;
      if (sum > 0) all.log_sum_exp = std::log(sum);
      expect_row(out, sums, t, head, all);
      if (t < kRows) continue;
      const int64_t row = t - kRows;
      for (int64_t i = 0; i < 9; ++i) {
        const double expected = std::exp(of_image[static_cast<size_t>(i)] - all.log_sum_exp);
        EXPECT_NEAR(weights.by_image[static_cast<size_t>((row * kHeads + head) * 9 + i)], expected,
                    tolerance());
      }
    }
  }
}

TEST_P(TorchAttention, TheWeightsOfAnImagesKeysAreTold) {
  constexpr int64_t kKeys = 19, kRows = 3;
  const Block block = random_block(kKeys, 60);
  const Tensor q = random_tensor({kRows, kHeads, kSize}, 61);
  const std::vector<int32_t> distances = {4, 0, 200};
  const std::vector<float> sums(kRows * kHeads, 3.5f);
  const std::vector<float> weights = backend_->key_weights(
      there(q), distances, sums, block.block, backend_->rope_table(kPositions, kSize, kTheta));
  ASSERT_EQ(weights.size(), static_cast<size_t>(kHeads * kKeys));
  for (int64_t head = 0; head < kHeads; ++head) {
    for (int64_t j = 0; j < kKeys; ++j) {
      double expected = 0;
      for (int64_t t = 0; t < kRows; ++t) {
        const Numbers query = rotated(head_of(q, t, head), distances[static_cast<size_t>(t)]);
        expected +=
            std::exp(dot(query, head_of(block.keys, j, head / kGroup)) / std::sqrt(20.0) - 3.5);
      }
      EXPECT_NEAR(weights[static_cast<size_t>(head * kKeys + j)], expected,
                  tolerance() * (1 + expected));
    }
  }
}

TEST_P(TorchAttention, ImagesAttendToThemselvesOnly) {
  constexpr int64_t kTokens = 21, kImages = 3;
  const Tensor q = random_tensor({kImages * kTokens, kHeads, kSize}, 1);
  const Tensor k = random_tensor({kImages * kTokens, kHeads, kSize}, 2);
  const Tensor v = random_tensor({kImages * kTokens, kHeads, kSize}, 3);
  const Tensor out =
      backend_->download(backend_->self_attention(there(q), there(k), there(v), kTokens));
  for (const int64_t t : {int64_t{0}, kTokens - 1, kTokens, 3 * kTokens - 1}) {
    std::vector<Numbers> keys, values;
    const int64_t first = t / kTokens * kTokens;
    add_keys(keys, values, k.rows(first, first + kTokens), v.rows(first, first + kTokens), kTokens,
             2);
    expect_row(out, {}, t, 2, plain_attention(head_of(q, t, 2), keys, values));
  }
}

TEST_P(TorchAttention, PartsAreJoinedByWhatTheySaw) {
  constexpr int64_t kRows = 3;
  const auto part = [&](uint32_t seed, bool blind) {
    Tensor sums = random_tensor({kRows, kHeads}, seed + 1);
    if (blind) std::fill_n(sums.f32(), kHeads, -INFINITY);
    return AttentionPart{random_tensor({kRows, kHeads, kSize}, seed), sums};
  };
  const AttentionPart text = part(1, false), visual = part(3, true);
  const Tensor gate = random_tensor({kHeads * kSize}, 5);
  const auto up = [&](const AttentionPart& x) {
    return AttentionPart{there(x.out), there(x.log_sum_exp)};
  };
  const Tensor joined = backend_->download(backend_->join_softmax(up(text), up(visual)));
  const Tensor mixed = backend_->download(backend_->mix_by_gate(up(text), up(visual), there(gate)));
  for (int64_t i = 0; i < joined.size(); ++i) {
    const int64_t row = i / kSize;
    const double a = element(text.out, i), b = element(visual.out, i);
    const double weight_a = std::exp(element(text.log_sum_exp, row));
    const double weight_b = std::exp(element(visual.log_sum_exp, row));
    EXPECT_NEAR(element(joined, i), (weight_a * a + weight_b * b) / (weight_a + weight_b), 1e-5);
    const double g = row < kHeads ? 0 : element(gate, i % (kHeads * kSize));
    EXPECT_NEAR(element(mixed, i), (1 - g) * a + g * b, 1e-5);
  }
}

TEST_P(TorchAttention, BlocksGoToTheHostsArrangementAndBack) {
  const Block made = random_block(19, 70, 22);
  const KeyValueBlock host = backend_->to_host(made.block);
  EXPECT_TRUE(host.keys.device().is_host());
  const KeyValueBlock back = backend_->from_host(host);
  const KeyValueBlock copied = backend_->copy(back);
  const Tensor q = random_tensor({1, kHeads, kSize}, 71);
  const auto attend = [&](const KeyValueBlock& block) {
    const TextRows rows = {1, 18, {&block, 1}};
    return backend_->download(backend_->causal_attention(there(q), {&rows, 1}).out);
  };
  const Tensor expected = attend(made.block);
  for (const KeyValueBlock& block : {back, copied}) {
    EXPECT_EQ(block.count, 19);
    const Tensor out = attend(block);
    for (int64_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out.f32()[i], expected.f32()[i], 2e-3);
  }
}

TEST_P(TorchAttention, ImagesThatLieApartAreReadAsThoseInARow) {
  const auto attend = [&](const std::vector<KeyValueBlock>& blocks) {
    std::vector<VisibleImage> images;
    for (const KeyValueBlock& block : blocks) images.push_back({block, 0, 0});
    const VisualRows rows = {1, 40, images, 0};
    const Tensor rope = backend_->rope_table(64, kSize, kTheta);
    const Tensor q = random_tensor({1, kHeads, kSize}, 80);
    return backend_->download(backend_->visual_attention(there(q), {&rows, 1}, rope).out);
  };
  std::vector<KeyValueBlock> in_order;
  for (uint32_t i = 0; i < 6; ++i) in_order.push_back(random_block(16, 90 + 2 * i).block);
  std::vector<KeyValueBlock> others = in_order;
  for (const size_t i : {size_t{4}, size_t{1}, size_t{5}}) others[i] = backend_->copy(others[i]);
  const Tensor a = attend(in_order), b = attend(others);
  for (int64_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a.f32()[i], b.f32()[i], 1e-6);
}

}  // namespace
}  // namespace owl3
