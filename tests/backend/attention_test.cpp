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

/// A block, and the keys and values [count, Hkv, d] it was made from, rounded as its type rounds.
struct TestBlock {
  KeyValueBlock block;
  Tensor keys;
  Tensor values;

  double key(int64_t j, int64_t head, int64_t c) const {
    return element(keys, (j * kKeyValueHeads + head) * kHeadSize + c);
  }
  double value(int64_t j, int64_t head, int64_t c) const {
    return element(values, (j * kKeyValueHeads + head) * kHeadSize + c);
  }
};

/// Rounds rows of d: bf16, or int8 with one scale per row.
void round_rows(Tensor& x, int64_t d, DType dtype) {
  for (int64_t first = 0; first < x.size(); first += d) {
    float largest = 0;
    for (int64_t i = first; i < first + d; ++i) largest = std::max(largest, std::fabs(x.f32()[i]));
    for (int64_t i = first; i < first + d; ++i) {
      float& value = x.f32()[i];
      if (dtype == DType::kBF16) value = static_cast<float>(bf16::from_float(value));
      if (dtype == DType::kI8) value = std::round(value / largest * 127) * largest / 127;
    }
  }
}

TestBlock random_block(CpuBackend& backend, int64_t count, uint32_t seed, DType dtype) {
  TestBlock test = {backend.new_block(kKeyValueHeads, count, kHeadSize, dtype),
                    random_tensor({count, kKeyValueHeads, kHeadSize}, seed),
                    random_tensor({count, kKeyValueHeads, kHeadSize}, seed + 1)};
  const int64_t half = count / 2;  // appended in two pieces
  backend.append(test.block, test.keys.rows(0, half), test.values.rows(0, half));
  backend.append(test.block, test.keys.rows(half, count), test.values.rows(half, count));
  round_rows(test.keys, kHeadSize, dtype);
  round_rows(test.values, kHeadSize, dtype);
  return test;
}

/// Queries and softmax weights meet packed keys as bf16, with a relative error of 2^-9 each;
/// outputs of the test's data are sums of magnitude up to 3.
double tolerance_of(DType dtype) {
  return dtype == DType::kF32 ? 2e-5 : 2e-2;
}

CpuBackend backend_with(const cpu::Kernels& kernels, MatrixProduct product) {
  CpuOptions options;
  options.threads = 2;
  options.kernels = &kernels;
  options.matrix_product = product;
  return CpuBackend(options);
}

std::vector<const cpu::Kernels*> all_kernels() {
  const cpu::KernelList list = cpu::runnable_kernels();
  return {list.tables, list.tables + list.count};
}

/// Of one sequence.
AttentionPart attend_text(Backend& backend, const Tensor& q, std::span<const KeyValueBlock> pages,
                          int64_t first_position) {
  const TextRows rows = {q.dim(0), first_position, pages};
  return backend.causal_attention(q, {&rows, 1});
}

AttentionPart attend_images(Backend& backend, const Tensor& q, std::span<const VisibleImage> images,
                            const Tensor& rope, int64_t first_position, int64_t watched = 0) {
  const VisualRows rows = {q.dim(0), first_position, images, watched};
  return backend.visual_attention(q, {&rows, 1}, rope);
}

class SelfAttention : public testing::TestWithParam<const cpu::Kernels*> {};

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, SelfAttention, testing::ValuesIn(all_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

TEST_P(SelfAttention, AttendsWithinEachImageOnly) {
  for (const MatrixProduct product : {MatrixProduct::kFloat32, MatrixProduct::kBFloat16}) {
    CpuBackend backend = backend_with(*GetParam(), product);
    const double tolerance = product == MatrixProduct::kFloat32 ? 1e-5 : 1e-2;
    for (const auto& [tokens, d] :
         {std::pair<int64_t, int64_t>{70, 18}, {9, 24}, {333, 72}, {130, 7}}) {
      const int64_t images = 3;
      const Tensor q = random_tensor({images * tokens, 2, d}, 1);
      const Tensor k = random_tensor({images * tokens, 2, d}, 2);
      const Tensor v = random_tensor({images * tokens, 2, d}, 3);
      const Tensor y = backend.self_attention(q, k, v, tokens);
      for (const int64_t token : {int64_t{0}, tokens - 1, tokens, images * tokens - 1}) {
        const int64_t first = token / tokens * tokens;
        const Row expected = plain_attention(
            head_of(q, token, 1), tokens,
            [&](int64_t j, int64_t c) { return element(k, ((first + j) * 2 + 1) * d + c); },
            [&](int64_t j, int64_t c) { return element(v, ((first + j) * 2 + 1) * d + c); });
        const auto ours = head_of(y, token, 1);
        for (size_t c = 0; c < ours.size(); ++c) {
          ASSERT_NEAR(ours[c], expected.out[c], tolerance) << tokens << " tokens of " << d;
        }
      }
    }
  }
}

// 1 token of 3 heads to a group is decoding, 4 are few rows, 7 and 100 many.
class GroupedAttention
    : public testing::TestWithParam<std::tuple<const cpu::Kernels*, int64_t, DType>> {};

INSTANTIATE_TEST_SUITE_P(FewAndManyQueries, GroupedAttention,
                         testing::Combine(testing::ValuesIn(all_kernels()),
                                          testing::Values(1, 4, 7, 100),
                                          testing::Values(DType::kF32, DType::kBF16, DType::kI8)),
                         [](const auto& test) {
                           return fmt::format("{}_{}_{}", std::get<0>(test.param)->name,
                                              std::get<1>(test.param),
                                              name_of(std::get<2>(test.param)));
                         });

TEST_P(GroupedAttention, CausalOverPages) {
  const auto [kernels, tokens, dtype] = GetParam();
  CpuBackend backend = backend_with(*kernels, MatrixProduct::kFloat32);
  const int64_t first_position = 290;
  const TestBlock tests[] = {random_block(backend, 256, 11, dtype),
                             random_block(backend, first_position + tokens - 256, 13, dtype)};
  const std::vector<KeyValueBlock> pages = {tests[0].block, tests[1].block};
  const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 15);
  const AttentionPart part = attend_text(backend, q, pages, first_position);
  for (int64_t t = 0; t < tokens; t += 33) {
    for (int64_t head = 0; head < kHeads; ++head) {
      const int64_t kv_head = head / (kHeads / kKeyValueHeads);
      const Row expected = plain_attention(
          head_of(q, t, head), first_position + t + 1,
          [&](int64_t j, int64_t c) { return tests[j / 256].key(j % 256, kv_head, c); },
          [&](int64_t j, int64_t c) { return tests[j / 256].value(j % 256, kv_head, c); });
      const auto ours = head_of(part.out, t, head);
      for (size_t c = 0; c < ours.size(); ++c)
        ASSERT_NEAR(ours[c], expected.out[c], tolerance_of(dtype));
      EXPECT_NEAR(element(part.log_sum_exp, t * kHeads + head), expected.log_sum_exp,
                  tolerance_of(dtype));
    }
  }
}

TEST_P(GroupedAttention, VisualSeesOnlyImagesBeforeTheToken) {
  const auto [kernels, tokens, dtype] = GetParam();
  CpuBackend backend = backend_with(*kernels, MatrixProduct::kFloat32);
  const int64_t first_position = 5, keys = 150;
  std::vector<TestBlock> tests;
  std::vector<VisibleImage> images;
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t position = i < 2 ? i : first_position + i * 2;  // two behind us, two ahead
    tests.push_back(random_block(backend, keys, static_cast<uint32_t>(20 + 2 * i), dtype));
    images.push_back({tests.back().block, position, position});
  }
  const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 31);
  const Tensor rope = rope_table(first_position + tokens + 1, kHeadSize);
  const AttentionPart part = attend_images(backend, q, images, rope, first_position);
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
          key.push_back(tests[static_cast<size_t>(i)].key(j, kv_head, c));
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
            return tests[static_cast<size_t>(i)].value(key, kv_head, c);
          });
      const auto ours = head_of(part.out, t, head);
      for (size_t c = 0; c < ours.size(); ++c) {
        ASSERT_NEAR(ours[c], expected.out[c], tolerance_of(dtype));
      }
      EXPECT_NEAR(element(part.log_sum_exp, t * kHeads + head), expected.log_sum_exp,
                  tolerance_of(dtype));
    }
  }
}

TEST_P(GroupedAttention, TellsWhatIsReadOfEachImageAndKey) {
  const auto [kernels, tokens, dtype] = GetParam();
  CpuBackend backend = backend_with(*kernels, MatrixProduct::kFloat32);
  const int64_t first_position = 5, keys = 150, images = 40, watched = std::min<int64_t>(3, tokens);
  std::vector<VisibleImage> visible;
  for (int64_t i = 0; i < images; ++i) {
    const int64_t position = i + 1 < images ? i % 5 : first_position + tokens - 1;
    const auto seed = static_cast<uint32_t>(20 + 2 * i);
    visible.push_back({random_block(backend, keys, seed, dtype).block, position, position});
  }
  const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 31);
  const Tensor rope = rope_table(first_position + tokens + 1, kHeadSize);
  const AttentionPart part = attend_images(backend, q, visible, rope, first_position, watched);
  const AttentionPart unwatched = attend_images(backend, q, visible, rope, first_position);
  EXPECT_TRUE(unwatched.by_image.empty());
  for (int64_t i = 0; i < part.out.size(); ++i) {
    ASSERT_EQ(element(part.out, i), element(unwatched.out, i)) << "watching changes nothing";
  }
  const int64_t first_row = tokens - watched;
  const ImageWeights weights = backend.image_weights(part, 0, first_row, nullptr);
  const ImageWeights with_text = backend.image_weights(part, 0, first_row, &part);
  for (int64_t image = 0; image < images; ++image) {
    const VisibleImage& alone = visible[static_cast<size_t>(image)];
    const AttentionPart of_image = attend_images(backend, q, {&alone, 1}, rope, first_position);
    for (int64_t row = 0; row < watched * kHeads; ++row) {
      const double expected = std::exp(element(of_image.log_sum_exp, first_row * kHeads + row) -
                                       element(part.log_sum_exp, first_row * kHeads + row));
      const auto index = static_cast<size_t>(row * images + image);
      ASSERT_NEAR(weights.by_image[index], expected, 2e-5) << image;
      // As much in a second part, and each has half.
      ASSERT_NEAR(with_text.by_image[index], expected / 2, 2e-5) << image;
    }
    const int64_t t = tokens - 1;
    const auto distance = static_cast<int32_t>(first_position + t - alone.position);
    const std::vector<float> by_key =
        backend.key_weights(q.rows(t, t + 1), {&distance, 1},
                            std::span(weights.log_sum_exp).last(kHeads), alone.block, rope);
    for (int64_t head = 0; head < kHeads; ++head) {
      double sum = 0;
      for (int64_t j = 0; j < keys; ++j) sum += by_key[static_cast<size_t>(head * keys + j)];
      const auto row = (watched - 1) * kHeads + head;
      EXPECT_NEAR(sum, weights.by_image[static_cast<size_t>(row * images + image)],
                  dtype == DType::kF32 ? 1e-5 : 2e-3);
    }
  }
}

// What decoding relies on: a token's bits don't depend on how many come with it.
TEST(Attention, FewQueriesHaveTheSameBitsWhateverComesWithThem) {
  const cpu::KernelList list = cpu::runnable_kernels();
  for (int table = 0; table < list.count; ++table) {
    CpuBackend backend = backend_with(*list.tables[table], MatrixProduct::kFloat32);
    for (const DType dtype : {DType::kBF16, DType::kI8}) {
      const int64_t tokens = 4, keys = 150, first_position = 3;
      std::vector<VisibleImage> images;
      for (int64_t i = 0; i < 3; ++i) {
        const auto seed = static_cast<uint32_t>(60 + 2 * i);
        images.push_back({random_block(backend, keys, seed, dtype).block, i, i});
      }
      const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 71);
      const Tensor rope = rope_table(first_position + tokens, kHeadSize);
      const AttentionPart all = attend_images(backend, q, images, rope, first_position);
      for (int64_t t = 0; t < tokens; ++t) {
        const AttentionPart one =
            attend_images(backend, q.rows(t, t + 1), images, rope, first_position + t);
        EXPECT_EQ(std::memcmp(one.out.f32(), all.out.f32() + t * kHeads * kHeadSize,
                              sizeof(float) * kHeads * kHeadSize),
                  0)
            << list.tables[table]->name << " " << name_of(dtype) << " token " << t;
      }
    }
  }
}

// What keys say is summed as they come, relative to the largest score so far or, of many queries,
// to one that isn't much smaller.
TEST(Attention, QueriesSeeScoresThatRiseOrFallFromKeyToKey) {
  const cpu::KernelList list = cpu::runnable_kernels();
  for (int table = 0; table < list.count; ++table) {
    CpuBackend backend = backend_with(*list.tables[table], MatrixProduct::kFloat32);
    for (const DType dtype : {DType::kBF16, DType::kI8}) {
      for (const auto& [d, heads, keys] : {std::tuple<int64_t, int64_t, int64_t>{128, 6, 300},
                                           {128, 9, 33},
                                           {80, 2, 145},
                                           {22, 5, 50},
                                           {6, 16, 1},
                                           {128, 50, 300},
                                           {72, 32, 300},
                                           {72, 40, 300},
                                           {22, 17, 50},
                                           {6, 40, 1}}) {
        for (const float slope : {0.04f, -0.04f}) {
          Tensor k = random_tensor({keys, 1, d}, 1);
          Tensor v = random_tensor({keys, 1, d}, 2);
          const Tensor q = random_tensor({1, heads, d}, 3);
          for (int64_t i = 0; i < keys * d; ++i) {
            const float along = q.f32()[i % d] * static_cast<float>(i / d) * slope;
            k.f32()[i] = 0.2f * k.f32()[i] + along;
          }
          KeyValueBlock block = backend.new_block(1, keys, d, dtype);
          backend.append(block, k, v);
          round_rows(k, d, dtype);
          round_rows(v, d, dtype);
          const AttentionPart part = attend_text(backend, q, {&block, 1}, keys - 1);
          for (int64_t head = 0; head < heads; ++head) {
            const Row expected = plain_attention(
                head_of(q, 0, head), keys,
                [&](int64_t j, int64_t c) { return element(k, j * d + c); },
                [&](int64_t j, int64_t c) { return element(v, j * d + c); });
            const auto ours = head_of(part.out, 0, head);
            for (size_t c = 0; c < ours.size(); ++c) {
              ASSERT_NEAR(ours[c], expected.out[c], 2 * tolerance_of(dtype))
                  << list.tables[table]->name << " " << name_of(dtype) << " " << d;
            }
            ASSERT_NEAR(element(part.log_sum_exp, head), expected.log_sum_exp,
                        2e-2 + 4e-3 * std::fabs(expected.log_sum_exp));
          }
        }
      }
    }
  }
}

// The lanes of a vector are queries: what one sees must not show in another.
TEST(Attention, ManyQueriesHaveTheSameBitsWhateverTheOthersAre) {
  constexpr int64_t kKeys = 600, kSize = 24;
  for (const auto& [dtype, queries] : {std::pair<DType, int64_t>{DType::kBF16, 50},
                                       {DType::kBF16, 40},  // the last tile is one vector wide
                                       {DType::kI8, 50},
                                       {DType::kI8, 40}}) {
    CpuBackend backend;
    const Tensor k = random_tensor({kKeys, 1, kSize}, 1);
    const Tensor v = random_tensor({kKeys, 1, kSize}, 2);
    KeyValueBlock block = backend.new_block(1, kKeys, kSize, dtype);
    backend.append(block, k, v);
    const Tensor q = random_tensor({1, queries, kSize}, 3);
    const AttentionPart calm = attend_text(backend, q, {&block, 1}, kKeys - 1);
    for (const int64_t kept : {int64_t{0}, int64_t{7}, int64_t{31}, int64_t{32}, queries - 1}) {
      Tensor wild = random_tensor({1, queries, kSize}, 4);
      for (int64_t i = 0; i < wild.size(); ++i) {
        wild.f32()[i] = i / kSize == kept ? q.f32()[i] : 40 * wild.f32()[i];
      }
      const AttentionPart part = attend_text(backend, wild, {&block, 1}, kKeys - 1);
      EXPECT_EQ(std::memcmp(part.out.f32() + kept * kSize, calm.out.f32() + kept * kSize,
                            sizeof(float) * kSize),
                0)
          << name_of(dtype) << " query " << kept;
    }
  }
}

TEST(Attention, NotANumberReachesTheOutput) {
  const cpu::KernelList list = cpu::runnable_kernels();
  for (int table = 0; table < list.count; ++table) {
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kI8}) {
      for (const int64_t tokens : {1, 40}) {  // few rows and many take different ways
        for (const bool in_keys : {false, true}) {
          CpuOptions options;
          options.kernels = list.tables[table];
          options.threads = 1;
          CpuBackend backend(options);
          const int64_t positions = 300;
          Tensor k = random_tensor({positions, kKeyValueHeads, kHeadSize}, 1);
          Tensor v = random_tensor({positions, kKeyValueHeads, kHeadSize}, 2);
          (in_keys ? k : v).f32()[(130 * kKeyValueHeads + 1) * kHeadSize + 3] = NAN;
          KeyValueBlock block = backend.new_block(kKeyValueHeads, positions, kHeadSize, dtype);
          backend.append(block, k, v);
          const Tensor q = random_tensor({tokens, kHeads, kHeadSize}, 3);
          const std::vector<KeyValueBlock> pages = {block};
          const AttentionPart part = attend_text(backend, q, pages, positions - tokens);
          const int64_t last = (tokens - 1) * kHeads * kHeadSize;
          EXPECT_TRUE(std::isfinite(part.out.f32()[last])) << "another head";
          const int64_t head = kHeads - 1;
          int64_t bad = 0;
          for (int64_t i = 0; i < kHeadSize; ++i) {
            bad += std::isnan(part.out.f32()[last + head * kHeadSize + i]);
          }
          EXPECT_GE(bad, 1) << list.tables[table]->name << name_of(dtype) << tokens << in_keys;
          if (in_keys) {
            EXPECT_TRUE(std::isnan(part.log_sum_exp.f32()[(tokens - 1) * kHeads + head]));
          }
        }
      }
    }
  }
}

// A damaged file may hold any of the many that are not numbers.
TEST(Attention, AScaleThatIsNotANumberReachesTheOutput) {
  const cpu::KernelList list = cpu::runnable_kernels();
  for (int table = 0; table < list.count; ++table) {
    CpuBackend backend = backend_with(*list.tables[table], MatrixProduct::kFloat32);
    for (const uint32_t bits : {0x7fc00000u, 0x7fc00001u, 0xffffffffu}) {
      for (const int64_t queries : {1, 40}) {
        const int64_t keys = 300;
        KeyValueBlock block = backend.new_block(1, keys, kHeadSize, DType::kI8);
        backend.append(block, random_tensor({keys, 1, kHeadSize}, 1),
                       random_tensor({keys, 1, kHeadSize}, 2));
        std::memcpy(block.key_scales.f32() + 130, &bits, sizeof bits);
        const Tensor q = random_tensor({1, queries, kHeadSize}, 3);
        const AttentionPart part = attend_text(backend, q, {&block, 1}, keys - 1);
        EXPECT_TRUE(std::isnan(part.log_sum_exp.f32()[queries - 1]))
            << list.tables[table]->name << " " << std::hex << bits << " " << queries;
      }
    }
  }
}

TEST(VisualAttention, RowsThatSeeNothingAreEmpty) {
  CpuBackend backend;
  const std::vector<VisibleImage> images = {
      {random_block(backend, 30, 61, DType::kF32).block, 2, 2}};
  const Tensor q = random_tensor({4, kHeads, kHeadSize}, 63);
  const AttentionPart part = attend_images(backend, q, images, rope_table(8, kHeadSize), 0);
  for (int64_t head = 0; head < kHeads; ++head) {
    EXPECT_EQ(element(part.log_sum_exp, head), -INFINITY);
    EXPECT_EQ(element(part.out, head * kHeadSize), 0);
    EXPECT_TRUE(std::isfinite(element(part.log_sum_exp, 2 * kHeads + head)));
  }
}

TEST(VisualAttention, IsTheSameOnAnyNumberOfThreads) {
  CpuOptions one, four;
  one.threads = 1;
  four.threads = 4;
  CpuBackend a(one), b(four);
  std::vector<VisibleImage> images;
  for (int64_t i = 0; i < 50; ++i) {
    images.push_back(
        {random_block(a, 60, static_cast<uint32_t>(100 + 2 * i), DType::kBF16).block, i, i});
  }
  const Tensor q = random_tensor({1, kHeads, kHeadSize}, 71);
  const Tensor rope = rope_table(64, kHeadSize);
  const AttentionPart x = attend_images(a, q, images, rope, 55);
  const AttentionPart y = attend_images(b, q, images, rope, 55);
  for (int64_t i = 0; i < x.out.size(); ++i) EXPECT_EQ(element(x.out, i), element(y.out, i));
}

}  // namespace
}  // namespace owl3
