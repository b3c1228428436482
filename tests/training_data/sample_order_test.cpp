#include "training_data/sample_order.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../core/scratch_folder.h"
#include "core/error.h"

namespace owl3 {
namespace {

std::vector<int64_t> lines_of_epoch(const SampleOrder& order, int64_t epoch, int64_t source = 0) {
  std::vector<int64_t> lines;
  const int64_t size = order.samples_per_epoch();
  for (int64_t number = epoch * size; number < (epoch + 1) * size; ++number) {
    const SampleAddress address = order.address(number);
    if (address.source == source) lines.push_back(address.line);
  }
  return lines;
}

std::vector<int64_t> counts(const std::vector<int64_t>& lines, int64_t size) {
  std::vector<int64_t> counts(static_cast<size_t>(size));
  for (const int64_t line : lines) ++counts.at(static_cast<size_t>(line));
  return counts;
}

TEST(Permutation, HitsEveryNumberOnce) {
  for (const uint64_t size : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 1000u, 4097u}) {
    std::vector<int> hits(size);
    const Permutation permutation(size, 3);
    for (uint64_t i = 0; i < size; ++i) ++hits.at(permutation(i));
    EXPECT_EQ(hits, std::vector<int>(size, 1)) << size;
  }
}

TEST(Permutation, MovesNumbersFarAndDiffersBySeed) {
  constexpr uint64_t kSize = 10000;
  double distance = 0;
  int fixed = 0;
  int alike = 0;
  const Permutation one(kSize, 1);
  const Permutation other(kSize, 2);
  for (uint64_t i = 0; i < kSize; ++i) {
    distance += std::abs(static_cast<double>(one(i)) - static_cast<double>(i)) / kSize;
    fixed += one(i) == i ? 1 : 0;
    alike += one(i) == other(i) ? 1 : 0;
  }
  EXPECT_NEAR(distance / kSize, 1.0 / 3, 0.01);
  EXPECT_LT(fixed, 10);
  EXPECT_LT(alike, 10);
}

TEST(SampleOrder, ShowsEveryLineOnceAnEpochInAnOrderOfItsOwn) {
  const SampleOrder order({{100, 1}}, true, 5);
  EXPECT_EQ(order.samples_per_epoch(), 100);
  EXPECT_EQ(counts(lines_of_epoch(order, 0), 100), std::vector<int64_t>(100, 1));
  EXPECT_EQ(counts(lines_of_epoch(order, 7), 100), std::vector<int64_t>(100, 1));
  EXPECT_NE(lines_of_epoch(order, 0), lines_of_epoch(order, 1));
  EXPECT_EQ(lines_of_epoch(order, 1), lines_of_epoch(SampleOrder({{100, 1}}, true, 5), 1));
  EXPECT_NE(lines_of_epoch(order, 1), lines_of_epoch(SampleOrder({{100, 1}}, true, 6), 1));
}

TEST(SampleOrder, KeepsTheFilesOrderUnshuffled) {
  const SampleOrder order({{3, 1}, {2, 1}}, false, 5);
  std::vector<SampleAddress> addresses;
  for (int64_t number = 0; number < 7; ++number) addresses.push_back(order.address(number));
  EXPECT_EQ(addresses,
            (std::vector<SampleAddress>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {0, 0}, {0, 1}}));
}

TEST(SampleOrder, WeightsSayHowOftenARowIsSeen) {
  const SampleOrder order({{100, 1}, {10, 3}, {40, 0.5}}, true, 5);
  EXPECT_EQ(order.samples_per_epoch(), 100 + 30 + 20);
  EXPECT_EQ(counts(lines_of_epoch(order, 2, 0), 100), std::vector<int64_t>(100, 1));
  EXPECT_EQ(counts(lines_of_epoch(order, 2, 1), 10), std::vector<int64_t>(10, 3));
  std::vector<int64_t> halves = lines_of_epoch(order, 2, 2);
  EXPECT_EQ(halves.size(), 20u);
  const std::vector<int64_t> other_half = lines_of_epoch(order, 3, 2);
  halves.insert(halves.end(), other_half.begin(), other_half.end());
  EXPECT_EQ(counts(halves, 40), std::vector<int64_t>(40, 1));
}

TEST(SampleOrder, MixesTheSourcesThroughTheEpoch) {
  const SampleOrder order({{500, 1}, {500, 1}}, true, 9);
  int64_t of_first = 0;
  for (int64_t number = 0; number < 200; ++number) of_first += order.address(number).source == 0;
  EXPECT_NEAR(static_cast<double>(of_first), 100, 25);
}

TEST(SampleOrder, RefusesWeightsThatMeanNothing) {
  for (const double weight : {0.0, -1.0, 0.001, 1e300, std::nan("")}) {
    EXPECT_THROW(SampleOrder({{100, weight}}, true, 0), UsageError) << weight;
  }
  EXPECT_EQ(message_of<UsageError>([] { SampleOrder({}, true, 0); }),
            "training needs at least one data source");
}

}  // namespace
}  // namespace owl3
