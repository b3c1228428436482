// Visual memory that is larger than what a device has for it: what is beside the device is read as
// what is on it.
#include <gtest/gtest.h>

#include <algorithm>

#include "host_copies.h"
#include "torch_device.h"

namespace owl3 {
namespace {

using test::torch_cpu;

constexpr int64_t kHeads = 6, kKeyValueHeads = 2, kSize = 20;

struct Case {
  Precision precision;
  DType dtype;
};

class TorchImageMemory : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Backend> backend(const std::string& memory) {
    return torch_cpu(GetParam().precision, memory);
  }

  KeyValueBlock image(Backend& backend, int64_t keys, uint32_t seed) {
    const Tensor kv = random_tensor({keys, kKeyValueHeads * 2 * kSize}, seed);
    return backend.split_keys_values(backend.upload(kv), kKeyValueHeads, GetParam().dtype);
  }
};

INSTANTIATE_TEST_SUITE_P(EveryType, TorchImageMemory,
                         testing::Values(Case{Precision::kFloat32, DType::kF32},
                                         Case{Precision::kBFloat16, DType::kBF16},
                                         Case{Precision::kFloat32, DType::kI8},
                                         Case{Precision::kBFloat16, DType::kI8}),
                         [](const auto& test) {
                           return fmt::format("{}_{}",
                                              test::name_of_precision(test.param.precision),
                                              name_of(test.param.dtype));
                         });

bool is_on(const Backend& backend, const KeyValueBlock& block) {
  return block.keys.device() == backend.device();
}

void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(std::equal(a.f32(), a.f32() + a.size(), b.f32()));
}

TEST_P(TorchImageMemory, IsReadTheSameWhereverItLies) {
  constexpr int64_t kImages = 150, kRows = 5, kFirst = 400;
  std::vector<Tensor> outs, sums, by_image;
  std::vector<std::vector<float>> weights;
  std::vector<double> part_of_images;  // that lies on the device
  for (const char* memory : {"", ",memory=0", ",memory=300K"}) {
    const auto torch = backend(memory);
    std::vector<VisibleImage> images;
    int64_t there = 0;
    for (int64_t i = 0; i < kImages; ++i) {
      // Some of another size; the last are not seen by all rows.
      const int64_t keys = i % 50 == 31 ? 7 : 19, position = i < 147 ? i : kFirst + i - 147;
      images.push_back({image(*torch, keys, static_cast<uint32_t>(i)), position, position});
      there += is_on(*torch, images.back().block) ? 1 : 0;
    }
    // Of the rest the places are not one behind another.
    for (size_t i = 0; i < 40; i += 3) images[i].block = torch->copy(images[i].block);
    part_of_images.push_back(static_cast<double>(there) / kImages);
    const Tensor q = random_tensor({kRows, kHeads, kSize}, 500);
    const VisualRows rows = {kRows, kFirst, images, 2};
    const Tensor rope = torch->rope_table(1000, kSize, 100);
    const AttentionPart part = torch->visual_attention(torch->upload(q), {&rows, 1}, rope);
    outs.push_back(torch->download(part.out));
    sums.push_back(torch->download(part.log_sum_exp));
    by_image.push_back(torch->download(part.by_image.at(0)));
    const std::vector<int32_t> distances(kRows, 20);
    const std::vector<float> log_sum_exps(kRows * kHeads, 4.0f);
    weights.push_back(
        torch->key_weights(torch->upload(q), distances, log_sum_exps, images.at(149).block, rope));
  }
  EXPECT_EQ(part_of_images[0], 1);
  EXPECT_EQ(part_of_images[1], 0);
  EXPECT_TRUE(part_of_images[2] > 0.05 && part_of_images[2] < 0.95) << part_of_images[2];
  for (size_t i = 1; i < outs.size(); ++i) {
    expect_same_bits(outs[i], outs[0]);
    expect_same_bits(sums[i], sums[0]);
    expect_same_bits(by_image[i], by_image[0]);
    EXPECT_EQ(weights[i], weights[0]);
  }
}

TEST_P(TorchImageMemory, TakesNoMoreOfTheDeviceThanItMay) {
  constexpr size_t kMost = 100'000;
  const auto torch = backend(",memory=100K");
  std::vector<KeyValueBlock> blocks;
  const auto bytes_there = [&] {
    size_t bytes = 0;
    for (const KeyValueBlock& block : blocks) bytes += is_on(*torch, block) ? block.bytes() : 0;
    return bytes;
  };
  for (uint32_t i = 0; i < 60; ++i) blocks.push_back(image(*torch, 19, i));
  EXPECT_LE(bytes_there(), kMost);
  EXPECT_GT(bytes_there(), kMost - 3 * blocks.front().bytes());
  ASSERT_FALSE(is_on(*torch, blocks.back()));
  // What is given back is used again, also for copies and what comes from the host.
  const KeyValueBlock host = torch->to_host(blocks.back());
  blocks.erase(blocks.begin(), blocks.begin() + 3);
  blocks.push_back(torch->copy(blocks.back()));
  blocks.push_back(torch->from_host(host));
  blocks.push_back(image(*torch, 19, 70));
  for (size_t i = blocks.size() - 3; i < blocks.size(); ++i) EXPECT_TRUE(is_on(*torch, blocks[i]));
  blocks.push_back(torch->from_host(host));
  EXPECT_FALSE(is_on(*torch, blocks.back()));
  EXPECT_LE(bytes_there(), kMost);
  // Texts are not images: theirs is always on the device.
  EXPECT_TRUE(is_on(*torch, torch->new_block(kKeyValueHeads, 256, kSize, GetParam().dtype)));
}

TEST_P(TorchImageMemory, ComesToTheHostFromWhereverItLies) {
  const auto here = backend(""), beside = backend(",memory=0");
  const KeyValueBlock a = here->to_host(image(*here, 19, 1));
  const KeyValueBlock b = beside->to_host(image(*beside, 19, 1));
  const KeyValueBlock c = beside->to_host(beside->from_host(a));
  for (const KeyValueBlock* other : {&b, &c}) {
    EXPECT_EQ(other->count, a.count);
    EXPECT_EQ(std::memcmp(a.keys.raw(), other->keys.raw(), a.keys.size_bytes()), 0);
    EXPECT_EQ(std::memcmp(a.values.raw(), other->values.raw(), a.values.size_bytes()), 0);
  }
}

TEST_P(TorchImageMemory, OfTenThousandImagesIsReadAGroupAtATime) {
  constexpr int64_t kImages = 10'000, kRows = 2;
  for (const char* memory : {"", ",memory=0"}) {
    const auto torch = backend(memory);
    const KeyValueBlock first = image(*torch, 3, 1);
    std::vector<VisibleImage> images;
    for (int64_t i = 0; i < kImages; ++i) {
      images.push_back({i == 0 ? first : torch->copy(first), i, i});
    }
    const Tensor q = torch->upload(random_tensor({kRows, kHeads, kSize}, 2));
    const VisualRows rows = {kRows, kImages, images};
    const Tensor rope = torch->rope_table(2 * kImages, kSize, 100);
    const test::PeakMemory peak;
    const AttentionPart part = torch->visual_attention(q, {&rows, 1}, rope);
    const size_t all = kImages * first.bytes();
    EXPECT_LT(peak.bytes(), 1'000'000) << "of " << all << ", " << memory;
    EXPECT_GT(all, 4'000'000U);
  }
}

TEST(TorchImageMemoryNames, SayHowMuchImagesMayTake) {
  for (const char* good :
       {"cpu,memory=0", "cpu,memory=20G", "cpu,memory=3000000000", "cpu,memory=64Mi"}) {
    EXPECT_NO_THROW(make_torch_backend(good, {})) << good;
  }
  for (const char* bad : {"cpu,", "cpu,memory", "cpu,memory=", "cpu,memory=-1", "cpu,memory=2X",
                          "cpu,memory=9000000000G", "cpu,mem=4", "cpu,memory=1.5G"}) {
    EXPECT_THROW(make_torch_backend(bad, {}), UsageError) << bad;
  }
}

}  // namespace
}  // namespace owl3
