// The attention operations against the definition in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "random_tensor.h"

namespace owl3 {
namespace {

constexpr int64_t kHeads = 6, kKeyValueHeads = 2, kHeadSize = 20;

struct Row {
  std::vector<double> out;
  double log_sum_exp;
};

/// softmax(q K^T / sqrt(d)) V over keys [count, d] given as functions of (key, channel).
template <typename Key, typename Value>
Row plain_attention(const std::vector<double>& q, int64_t count, const Key& key,
                    const Value& value) {
  const auto d = static_cast<int64_t>(q.size());
  std::vector<double> scores;
  for (int64_t j = 0; j < count; ++j) {
    double score = 0;
    for (int64_t c = 0; c < d; ++c) score += q[static_cast<size_t>(c)] * key(j, c);
    scores.push_back(score / std::sqrt(static_cast<double>(d)));
  }
  double sum = 0;
  Row row = {std::vector<double>(q.size(), 0.0), 0};
  for (int64_t j = 0; j < count; ++j) {
    const double weight = std::exp(scores[static_cast<size_t>(j)]);
    sum += weight;
    for (int64_t c = 0; c < d; ++c) row.out[static_cast<size_t>(c)] += weight * value(j, c);
  }
  for (double& v : row.out) v /= sum;
  row.log_sum_exp = std::log(sum);
  return row;
}

std::vector<double> head_of(const Tensor& x, int64_t token, int64_t head) {
  std::vector<double> values;
  const int64_t d = x.dim(2);
  for (int64_t c = 0; c < d; ++c) values.push_back(element(x, (token * x.dim(1) + head) * d + c));
  return values;
}

Tensor rope_table(int64_t positions, int64_t d) {
  Tensor table = make_tensor(DType::kF32, {positions, d});
  for (int64_t t = 0; t < positions; ++t) {
    for (int64_t i = 0; i < d / 2; ++i) {
      const double angle = static_cast<double>(t) /
                           std::pow(100.0, 2.0 * static_cast<double>(i) / static_cast<double>(d));
      table.f32()[t * d + i] = static_cast<float>(std::cos(angle));
      table.f32()[t * d + d / 2 + i] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

KeyValueBlock random_block(int64_t count, uint32_t seed, DType dtype) {
  return {random_tensor({kKeyValueHeads, count, kHeadSize}, seed, dtype),
          random_tensor({kKeyValueHeads, count, kHeadSize}, seed + 1, dtype), count};
}

TEST(SelfAttention, AttendsWithinEachImageOnly) {
  CpuBackend backend;
  const int64_t images = 3, tokens = 70;
  const Tensor q = random_tensor({images * tokens, 2, 18}, 1);
  const Tensor k = random_tensor({images * tokens, 2, 18}, 2);
  const Tensor v = random_tensor({images * tokens, 2, 18}, 3);
  const Tensor y = backend.self_attention(q, k, v, tokens);
  for (const int64_t token : {int64_t{0}, tokens - 1, tokens, images * tokens - 1}) {
    const int64_t first = token / tokens * tokens;
    const Row expected = plain_attention(
        head_of(q, token, 1), tokens,
        [&](int64_t j, int64_t c) { return element(k, ((first + j) * 2 + 1) * 18 + c); },
        [&](int64_t j, int64_t c) { return element(v, ((first + j) * 2 + 1) * 18 + c); });
    const auto ours = head_of(y, token, 1);
    for (size_t c = 0; c < ours.size(); ++c) EXPECT_NEAR(ours[c], expected.out[c], 1e-5);
  }
}

class GroupedAttention : public testing::TestWithParam<std::tuple<int64_t, DType>> {};

INSTANTIATE_TEST_SUITE_P(FewAndManyQueries, GroupedAttention,
                         testing::Combine(testing::Values(1, 3, 100),
                                          testing::Values(DType::kF32, DType::kBF16)));

TEST_P(GroupedAttention, CausalOverPages) {
  const auto [tokens, dtype] = GetParam();
  CpuBackend backend;
  const int64_t first_position = 290;
  const std::vector<KeyValueBlock> pages = {random_block(256, 11, dtype),
                                            random_block(first_position + tokens - 256, 13, dtype)};
  const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 15);
  const AttentionPart part = backend.causal_attention(q, pages, first_position);
  for (int64_t t = 0; t < tokens; t += 33) {
    for (int64_t head = 0; head < kHeads; ++head) {
      const int64_t kv_head = head / (kHeads / kKeyValueHeads);
      const auto at = [&](const Tensor KeyValueBlock::*part_of, int64_t j, int64_t c) {
        const KeyValueBlock& page = pages[j < 256 ? 0 : 1];
        const int64_t key = j < 256 ? j : j - 256;
        return element(page.*part_of, (kv_head * page.keys.dim(1) + key) * kHeadSize + c);
      };
      const Row expected = plain_attention(
          head_of(q, t, head), first_position + t + 1,
          [&](int64_t j, int64_t c) { return at(&KeyValueBlock::keys, j, c); },
          [&](int64_t j, int64_t c) { return at(&KeyValueBlock::values, j, c); });
      const auto ours = head_of(part.out, t, head);
      for (size_t c = 0; c < ours.size(); ++c) EXPECT_NEAR(ours[c], expected.out[c], 2e-5);
      EXPECT_NEAR(element(part.log_sum_exp, t * kHeads + head), expected.log_sum_exp, 2e-5);
    }
  }
}

TEST_P(GroupedAttention, VisualSeesOnlyImagesBeforeTheToken) {
  const auto [tokens, dtype] = GetParam();
  CpuBackend backend;
  const int64_t first_position = 5, keys = 150;
  std::vector<VisibleImage> images;
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t position = i < 2 ? i : first_position + i * 2;  // two behind us, two ahead
    images.push_back(
        {random_block(keys, static_cast<uint32_t>(20 + 2 * i), dtype), position, position});
  }
  const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 31);
  const Tensor rope = rope_table(first_position + tokens + 1, kHeadSize);
  const AttentionPart part = backend.visual_attention(q, images, rope, first_position);
  for (int64_t t = 0; t < tokens; ++t) {
    const int64_t position = first_position + t;
    for (int64_t head = 0; head < kHeads; head += 5) {
      const int64_t kv_head = head / (kHeads / kKeyValueHeads);
      std::vector<std::pair<int64_t, int64_t>> seen;  // image, key
      for (int64_t i = 0; i < 4; ++i) {
        if (position < images[static_cast<size_t>(i)].first_query) continue;
        for (int64_t j = 0; j < keys; ++j) seen.push_back({i, j});
      }
      // The definition: both sides rotated at their own positions.
      const auto rotated = [&](const std::vector<double>& x, int64_t at) {
        std::vector<double> y(x.size());
        const size_t half = x.size() / 2;
        for (size_t i = 0; i < half; ++i) {
          const double angle =
              static_cast<double>(at) / std::pow(100.0, 2.0 * static_cast<double>(i) / kHeadSize);
          y[i] = x[i] * std::cos(angle) - x[i + half] * std::sin(angle);
          y[i + half] = x[i + half] * std::cos(angle) + x[i] * std::sin(angle);
        }
        return y;
      };
      std::vector<std::vector<double>> seen_keys;
      for (const auto& [i, j] : seen) {
        const VisibleImage& image = images[static_cast<size_t>(i)];
        std::vector<double> key;
        for (int64_t c = 0; c < kHeadSize; ++c) {
          key.push_back(element(image.block.keys, (kv_head * keys + j) * kHeadSize + c));
        }
        seen_keys.push_back(rotated(key, image.position));
      }
      const Row expected = plain_attention(
          rotated(head_of(q, t, head), position), static_cast<int64_t>(seen.size()),
          [&](int64_t j, int64_t c) {
            return seen_keys[static_cast<size_t>(j)][static_cast<size_t>(c)];
          },
          [&](int64_t j, int64_t c) {
            const auto& [i, key] = seen[static_cast<size_t>(j)];
            return element(images[static_cast<size_t>(i)].block.values,
                           (kv_head * keys + key) * kHeadSize + c);
          });
      const auto ours = head_of(part.out, t, head);
      for (size_t c = 0; c < ours.size(); ++c) ASSERT_NEAR(ours[c], expected.out[c], 1e-4);
      EXPECT_NEAR(element(part.log_sum_exp, t * kHeads + head), expected.log_sum_exp, 1e-4);
    }
  }
}

TEST(VisualAttention, RowsThatSeeNothingAreEmpty) {
  CpuBackend backend;
  const std::vector<VisibleImage> images = {{random_block(30, 61, DType::kF32), 2, 2}};
  const Tensor q = random_tensor({4, kHeads, kHeadSize}, 63);
  const AttentionPart part = backend.visual_attention(q, images, rope_table(8, kHeadSize), 0);
  for (int64_t head = 0; head < kHeads; ++head) {
    EXPECT_EQ(element(part.log_sum_exp, head), -INFINITY);
    EXPECT_EQ(element(part.out, head * kHeadSize), 0);
    EXPECT_TRUE(std::isfinite(element(part.log_sum_exp, 2 * kHeads + head)));
  }
}

TEST(VisualAttention, IsTheSameOnAnyNumberOfThreads) {
  std::vector<VisibleImage> images;
  for (int64_t i = 0; i < 50; ++i) {
    images.push_back({random_block(60, static_cast<uint32_t>(100 + 2 * i), DType::kBF16), i, i});
  }
  const Tensor q = random_tensor({1, kHeads, kHeadSize}, 71);
  const Tensor rope = rope_table(64, kHeadSize);
  CpuOptions one, four;
  one.threads = 1;
  four.threads = 4;
  CpuBackend a(one), b(four);
  const AttentionPart x = a.visual_attention(q, images, rope, 55);
  const AttentionPart y = b.visual_attention(q, images, rope, 55);
  for (int64_t i = 0; i < x.out.size(); ++i) EXPECT_EQ(element(x.out, i), element(y.out, i));
}

}  // namespace
}  // namespace owl3
