#include "training_data/feature_cache.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "../core/scratch_folder.h"
#include "core/error.h"

namespace owl3 {
namespace {

constexpr int64_t kValues = 37;

std::vector<float> features_of(uint64_t hash) {
  std::vector<float> features(kValues);
  for (int64_t i = 0; i < kValues; ++i) {
    features[static_cast<size_t>(i)] = static_cast<float>((hash % 1000) * 37 + i) / 8;
  }
  return features;
}

Fingerprint fingerprint_of(const std::string& text) {
  Sha256 fingerprint;
  fingerprint.add(std::as_bytes(std::span(text)));
  return fingerprint.finish();
}

class FeatureCacheTest : public ::testing::Test {
 protected:
  FeatureCacheOptions options() const {
    FeatureCacheOptions options;
    options.folder = folder_ / "features";
    options.values = kValues;
    options.type = DType::kF32;
    options.fingerprint = fingerprint_of("encoder");
    return options;
  }
  std::filesystem::path file(int rank = 0) const {
    return folder_ / fmt::format("features/features-{}.owlfeat", rank);
  }

  static void fill(FeatureCache& cache, uint64_t first, uint64_t last) {
    for (uint64_t hash = first; hash <= last; ++hash) cache.append(hash, features_of(hash));
  }
  /// The hashes of first..last that are there, each checked for its values.
  static int found(FeatureCache& cache, uint64_t first, uint64_t last) {
    int count = 0;
    std::vector<float> features(kValues);
    for (uint64_t hash = first; hash <= last; ++hash) {
      if (!cache.read(hash, features)) continue;
      EXPECT_EQ(features, features_of(hash)) << hash;
      ++count;
    }
    return count;
  }

  ScratchFolder folder_;
};

TEST_F(FeatureCacheTest, GivesBackWhatWasAppendedAlsoToTheNextRun) {
  {
    FeatureCache cache(options());
    EXPECT_EQ(found(cache, 1, 50), 0);
    fill(cache, 1, 50);
    EXPECT_EQ(found(cache, 1, 60), 50);
    const int64_t bytes = cache.file_bytes();
    fill(cache, 1, 50);
    EXPECT_EQ(cache.file_bytes(), bytes) << "what is there is not written again";
  }
  FeatureCache cache(options());
  EXPECT_EQ(cache.size(), 50u);
  EXPECT_EQ(found(cache, 1, 60), 50);
  EXPECT_TRUE(cache.contains(50));
  EXPECT_FALSE(cache.contains(51));
}

TEST_F(FeatureCacheTest, RoundsToTheHalfTypes) {
  for (const DType type : {DType::kF16, DType::kBF16}) {
    FeatureCacheOptions half = options();
    half.type = type;
    FeatureCache cache(half);
    std::vector<float> features(kValues, 1.0f / 3);
    cache.append(1, features);
    ASSERT_TRUE(cache.read(1, features));
    const float expected = type == DType::kF16 ? static_cast<float>(f16::from_float(1.0f / 3))
                                               : static_cast<float>(bf16::from_float(1.0f / 3));
    EXPECT_EQ(features, std::vector<float>(kValues, expected));
  }
}

TEST_F(FeatureCacheTest, BeginsAnewForAnotherEncoderTypeOrSize) {
  const auto count_after = [&](auto change) {
    std::filesystem::remove_all(folder_ / "features");
    {
      FeatureCache cache(options());
      fill(cache, 1, 5);
    }
    FeatureCacheOptions other = options();
    change(other);
    return FeatureCache(other).size();
  };
  EXPECT_EQ(count_after([](auto&) {}), 5u);
  EXPECT_EQ(count_after([](auto& o) { o.fingerprint = fingerprint_of("other"); }), 0u);
  EXPECT_EQ(count_after([](auto& o) { o.type = DType::kF16; }), 0u);
  EXPECT_EQ(count_after([](auto& o) { o.values = kValues + 1; }), 0u);
  EXPECT_EQ(std::filesystem::file_size(file()), 64u);
}

TEST_F(FeatureCacheTest, CutsOffATornTailAtEveryLength) {
  {
    FeatureCache cache(options());
    fill(cache, 1, 3);
  }
  const std::string whole = read_text(file());
  const size_t record = 16 + kValues * sizeof(float);
  ASSERT_EQ(whole.size(), 64 + 3 * record);
  for (size_t size = 0; size <= whole.size(); size += 7) {
    folder_.write("features/features-0.owlfeat", whole.substr(0, size));
    FeatureCache cache(options());
    const size_t records = size < 64 ? 0 : (size - 64) / record;
    ASSERT_EQ(cache.size(), records) << size;
    fill(cache, 3, 4);
    EXPECT_EQ(found(cache, 1, 4), static_cast<int>(std::min<size_t>(records, 2)) + 2) << size;
  }
}

TEST_F(FeatureCacheTest, TreatsADamagedRecordAsAbsent) {
  {
    FeatureCache cache(options());
    fill(cache, 1, 3);
  }
  std::string bytes = read_text(file());
  bytes[64 + (16 + kValues * sizeof(float)) + 40] ^= 1;  // a value of the second
  folder_.write("features/features-0.owlfeat", bytes);
  FeatureCache cache(options());
  std::vector<float> features(kValues);
  EXPECT_FALSE(cache.read(2, features));
  EXPECT_EQ(found(cache, 1, 3), 2);
  cache.append(2, features_of(2));
  EXPECT_EQ(found(cache, 1, 3), 3);
}

TEST_F(FeatureCacheTest, RanksWriteFilesOfTheirOwnAndReadAll) {
  FeatureCacheOptions second = options();
  second.rank = 1;
  FeatureCacheOptions foreign = options();
  foreign.rank = 2;
  foreign.fingerprint = fingerprint_of("other");
  {
    FeatureCache zero(options());
    FeatureCache one(second);
    FeatureCache two(foreign);
    fill(zero, 1, 5);
    fill(one, 4, 9);
    fill(two, 20, 25);
    EXPECT_EQ(message_of<InputError>([&] { FeatureCache again(options()); }),
              file().string() + ": is in use by another process");
  }
  FeatureCache zero(options());
  FeatureCache one(second);
  EXPECT_EQ(found(zero, 1, 30), 9);
  EXPECT_EQ(found(one, 1, 30), 9);
  EXPECT_EQ(FeatureCache(foreign).size(), 6u);
}

TEST_F(FeatureCacheTest, SurvivesAKillAtAnyMoment) {
  for (int round = 0; round < 3; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FeatureCache cache(options());
      for (uint64_t hash = 1;; ++hash) cache.append(hash, features_of(hash));
    }
    const auto written = [&] {
      std::error_code ignored;
      const auto size = std::filesystem::file_size(file(), ignored);
      return ignored ? 0 : static_cast<int64_t>(size);
    };
    for (int wait = 0; wait < 5000 && written() < 100000 * (round + 1); ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    FeatureCache cache(options());
    EXPECT_GT(cache.size(), 100u);
    EXPECT_EQ(found(cache, 1, cache.size()), static_cast<int>(cache.size()));
  }
}

TEST_F(FeatureCacheTest, ServesSeveralThreads) {
  FeatureCache cache(options());
  std::atomic<int> reads = 0;
  std::vector<std::jthread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      fill(cache, t * 50 + 1, t * 50 + 100);
      reads += found(cache, t * 50 + 1, t * 50 + 100);
    });
  }
  threads.clear();
  EXPECT_EQ(reads, 400);
  EXPECT_EQ(cache.size(), 250u);
}

TEST_F(FeatureCacheTest, RefusesWhatCannotBe) {
  FeatureCacheOptions wrong = options();
  wrong.values = 0;
  EXPECT_EQ(message_of<UsageError>([&] { FeatureCache cache(wrong); }),
            "a feature cache of 0 values in float32 for rank 0 can't be");
  wrong = options();
  wrong.type = DType::kI8;
  EXPECT_THROW(FeatureCache cache(wrong), UsageError);
  wrong = options();
  wrong.folder = folder_.write("file", "") / "below";
  EXPECT_NE(message_of<InputError>([&] { FeatureCache cache(wrong); }).find("can't be made"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
