// The sampler against plain references that sort the whole vocabulary.
#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "core/error.h"

namespace owl3 {
namespace {

std::vector<float> random_logits(size_t size, uint64_t seed, double spread = 3) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, spread);
  std::vector<float> logits(size);
  for (float& logit : logits) logit = static_cast<float>(normal(random));
  return logits;
}

std::vector<double> softmax(const std::vector<double>& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> probabilities;
  for (const double score : scores) probabilities.push_back(std::exp(score - largest));
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

constexpr double kRemoved = -std::numeric_limits<double>::infinity();

std::vector<size_t> ascending(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] < values[b]; });
  return order;
}

// Each rule written as a mask over the whole vocabulary, one after the other.
std::vector<double> reference_distribution(const std::vector<float>& logits,
                                           const GenerationOptions& options) {
  std::vector<double> scores(logits.begin(), logits.end());
  for (double& score : scores) score /= options.temperature;
  if (options.top_k > 0 && static_cast<size_t>(options.top_k) < scores.size()) {
    std::vector<double> sorted = scores;
    std::sort(sorted.rbegin(), sorted.rend());
    const double kth = sorted[static_cast<size_t>(options.top_k - 1)];
    for (double& score : scores) score = score < kth ? kRemoved : score;
  }
  if (options.top_p < 1) {
    const std::vector<double> probabilities = softmax(scores);
    const std::vector<size_t> order = ascending(probabilities);
    double cumulative = 0;
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      cumulative += probabilities[order[i]];
      if (cumulative <= 1 - options.top_p) scores[order[i]] = kRemoved;
    }
  }
  if (options.min_p > 0) {
    const std::vector<double> probabilities = softmax(scores);
    const double best = *std::max_element(probabilities.begin(), probabilities.end());
    for (size_t i = 0; i < scores.size(); ++i) {
      if (probabilities[i] < options.min_p * best) scores[i] = kRemoved;
    }
  }
  return softmax(scores);
}

GenerationOptions plain_sampling() {
  GenerationOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.repetition_penalty = 1;
  return options;
}

std::map<int32_t, int> draws(const std::vector<float>& logits, const GenerationOptions& options,
                             int count) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < count; ++i) {
    std::vector<float> copy = logits;
    ++counts[sampler.choose(copy, {})];
  }
  return counts;
}

// Pearson's statistic against its mean and deviation under the hypothesis, and no token that the
// rules remove.
void expect_distribution(const std::vector<float>& logits, const GenerationOptions& options) {
  constexpr int kDraws = 20000;
  const std::vector<double> expected = reference_distribution(logits, options);
  const std::map<int32_t, int> counts = draws(logits, options, kDraws);
  double statistic = 0, rest_expected = 0, rest_counted = 0;
  int cells = 0;
  for (size_t id = 0; id < expected.size(); ++id) {
    const auto found = counts.find(static_cast<int32_t>(id));
    const double counted = found == counts.end() ? 0 : found->second;
    if (expected[id] == 0) {
      EXPECT_EQ(counted, 0) << "token " << id << " was removed";
    }
    const double mean = expected[id] * kDraws;
    if (mean < 5) {  // too rare for a cell of its own
      rest_expected += mean;
      rest_counted += counted;
      continue;
    }
    statistic += (counted - mean) * (counted - mean) / mean;
    ++cells;
  }
  if (rest_expected >= 5) {
    statistic += (rest_counted - rest_expected) * (rest_counted - rest_expected) / rest_expected;
    ++cells;
  }
  const double degrees = std::max(1, cells - 1);
  EXPECT_LT(statistic, degrees + 5 * std::sqrt(2 * degrees) + 5) << cells << " cells";
}

TEST(Sampler, DrawsFromTheDistributionOfTheOptions) {
  const std::vector<float> logits = random_logits(200, 1, 2);
  for (const double temperature : {0.5, 1.0, 1.7}) {
    for (const int64_t top_k : {0, 5, 60}) {
      for (const double top_p : {0.3, 0.8, 1.0}) {
        for (const double min_p : {0.0, 0.1}) {
          GenerationOptions options = plain_sampling();
          options.temperature = temperature;
          options.top_k = top_k;
          options.top_p = top_p;
          options.min_p = min_p;
          SCOPED_TRACE(fmt::format("temperature {} top_k {} top_p {} min_p {}", temperature, top_k,
                                   top_p, min_p));
          expect_distribution(logits, options);
        }
      }
    }
  }
}

// Every token that the rules leave is drawn sooner or later, and no other.
TEST(Sampler, KeepsTheSetOfTokensThatAPlainSortKeeps) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    GenerationOptions options = plain_sampling();
    options.seed = seed;
    options.temperature = 0.5 + static_cast<double>(random() % 20) / 10;
    options.top_k = static_cast<int64_t>(random() % 12);
    options.top_p = 0.05 + 0.9 * static_cast<double>(random() % 1000) / 1000;
    options.min_p = static_cast<double>(random() % 3) / 20;
    std::vector<float> logits = random_logits(12, seed + 100, 0.8);
    const std::vector<double> expected = reference_distribution(logits, options);
    const std::map<int32_t, int> counts = draws(logits, options, 4000);
    for (size_t id = 0; id < expected.size(); ++id) {
      EXPECT_EQ(counts.count(static_cast<int32_t>(id)) == 1, expected[id] > 0)
          << "seed " << seed << " token " << id << " probability " << expected[id];
    }
  }
}

TEST(Sampler, KeepsTokensThatTieWithTheKth) {
  const std::vector<float> logits = {1, 3, 2, 2, 2, 0};
  GenerationOptions options = plain_sampling();
  options.top_k = 2;
  const std::map<int32_t, int> counts = draws(logits, options, 2000);
  EXPECT_EQ(counts.size(), 4u);
  EXPECT_EQ(counts.count(0), 0u);
  EXPECT_EQ(counts.count(5), 0u);
}

TEST(Sampler, KeepsTheSmallestSetThatReachesTopP) {
  const std::vector<float> equal(10, 0.5f);  // 0.1 each: 0.8 is reached by eight
  GenerationOptions options = plain_sampling();
  options.top_p = 0.8;
  EXPECT_EQ(draws(equal, options, 4000).size(), 8u);
  options.top_p = 1e-300;
  EXPECT_EQ(draws(equal, options, 100).size(), 1u);
}

TEST(Sampler, TopKAgreesOverAWholeVocabularyForSmallAndLargeK) {
  const std::vector<float> logits = random_logits(151851, 3);
  std::vector<float> sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  for (const int64_t top_k : {1, 2, 100, 2048, 2049, 40000, 151850, 151851, 1 << 20}) {
    GenerationOptions options = plain_sampling();
    options.top_k = top_k;
    options.temperature = 1000;  // nearly even, so that the last ones are drawn too
    const size_t last = std::min(sorted.size(), static_cast<size_t>(top_k)) - 1;
    for (const auto& [id, count] : draws(logits, options, 20)) {
      EXPECT_GE(logits[static_cast<size_t>(id)], sorted[last]) << "top-k " << top_k;
    }
  }
}

TEST(Sampler, GreedyTakesTheFirstOfTheBest) {
  GenerationOptions options = plain_sampling();
  options.do_sample = false;
  std::vector<float> logits = {1, 7, 3, 7, 7};
  EXPECT_EQ(Sampler(options).choose(logits, {}), 1);
}

TEST(Sampler, GreedyTakesTheFirstOfTheBestWhereverItIs) {
  GenerationOptions options = plain_sampling();
  options.do_sample = false;
  std::mt19937 random(3);
  for (size_t size = 1; size < 200; ++size) {
    std::vector<float> logits(size);
    // few different values, so that many tie; both zeros
    for (float& logit : logits) logit = static_cast<float>(random() % 5) * -0.5f;
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    EXPECT_EQ(Sampler(options).choose(logits, {}), best) << size;
  }
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
  GenerationOptions options = plain_sampling();
  options.seed = 42;
  Sampler a(options), b(options);
  options.seed = 43;
  Sampler c(options);
  const std::vector<float> logits = random_logits(1000, 5);
  std::vector<int32_t> from_a, from_b, from_c;
  for (int i = 0; i < 100; ++i) {
    std::vector<float> copy = logits;
    from_a.push_back(a.choose(copy, {}));
    copy = logits;
    from_b.push_back(b.choose(copy, {}));
    copy = logits;
    from_c.push_back(c.choose(copy, {}));
  }
  EXPECT_EQ(from_a, from_b);
  EXPECT_NE(from_a, from_c);
}

TEST(Sampler, TheSeedsTokensAreTheSameOnEveryPlatform) {
  // Four even tokens: the two upper bits of each number of mt19937_64, whose 10000th is standard.
  GenerationOptions options = plain_sampling();
  options.seed = std::mt19937_64::default_seed;
  Sampler sampler(options);
  int32_t token = -1;
  for (int i = 0; i < 10000; ++i) {
    std::vector<float> logits(4, 0.0f);
    token = sampler.choose(logits, {});
  }
  EXPECT_EQ(token, static_cast<int32_t>(9981545732273789042u >> 62));
}

TEST(Sampler, PenalisesEveryTokenOnceHoweverOftenItWasSeen) {
  std::vector<float> logits = {2, -2, 0, 5, -3};
  apply_repetition_penalty(logits, std::vector<int32_t>{0, 1, 1, 0, 2, 1}, 2);
  EXPECT_EQ(logits, (std::vector<float>{1, -4, 0, 5, -3}));
  apply_repetition_penalty(logits, std::vector<int32_t>{3, 4}, 0.5);
  EXPECT_EQ(logits, (std::vector<float>{1, -4, 0, 10, -1.5}));
}

TEST(Sampler, PenaltyChangesTheGreedyChoice) {
  GenerationOptions options = plain_sampling();
  options.do_sample = false;
  options.repetition_penalty = 1.5;
  std::vector<float> logits = {4, 5, 1};
  EXPECT_EQ(Sampler(options).choose(logits, std::vector<int32_t>{1}), 0);
}

TEST(Sampler, RefusesSeenTokensOutsideTheVocabulary) {
  std::vector<float> logits = {4, 5, 1};
  EXPECT_THROW(apply_repetition_penalty(logits, std::vector<int32_t>{3}, 1.5), UsageError);
  EXPECT_THROW(apply_repetition_penalty(logits, std::vector<int32_t>{-1}, 1.5), UsageError);
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const bool do_sample : {false, true}) {
      GenerationOptions options = plain_sampling();
      options.do_sample = do_sample;
      std::vector<float> logits = random_logits(100, 6);
      logits[70] = bad;
      try {
        Sampler(options).choose(logits, {});
        FAIL() << bad << " was accepted";
      } catch (const InputError& e) {
        EXPECT_NE(std::string(e.what()).find("the model's logits are not finite"),
                  std::string::npos);
      }
    }
  }
}

TEST(Sampler, BearsExtremeLogitsAndOptions) {
  const float most = std::numeric_limits<float>::max();
  GenerationOptions options = plain_sampling();
  for (const double temperature : {1e-300, 1e-3, 1e300}) {
    for (const double penalty : {1e-300, 1e300}) {
      options.temperature = temperature;
      options.repetition_penalty = penalty;
      options.top_p = 0.9;
      std::vector<float> logits = {most, -most, 0, most};
      const int32_t token = Sampler(options).choose(logits, std::vector<int32_t>{0, 1});
      EXPECT_TRUE(token >= 0 && token < 4);
    }
  }
  std::vector<float> single = {-5};
  EXPECT_EQ(Sampler(options).choose(single, {}), 0);
}

TEST(Sampler, NamesTheOptionThatMakesNoSense) {
  const auto message = [](const auto& change) {
    GenerationOptions options;
    change(options);
    try {
      check_generation_options(options);
      return std::string("accepted");
    } catch (const UsageError& e) {
      return std::string(e.what());
    }
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  using O = GenerationOptions;
  EXPECT_EQ(message([](O&) {}), "accepted");
  EXPECT_EQ(message([](O& o) { o.temperature = 0; }).find("temperature must be above 0"), 0u);
  EXPECT_EQ(message([&](O& o) { o.temperature = nan; }).find("temperature"), 0u);
  EXPECT_EQ(message([](O& o) { o.top_k = -1; }), "top-k must be 0 (off) or above, not -1");
  EXPECT_EQ(message([](O& o) { o.top_p = 0; }).find("top-p"), 0u);
  EXPECT_EQ(message([](O& o) { o.top_p = 1.1; }).find("top-p"), 0u);
  EXPECT_EQ(message([&](O& o) { o.min_p = nan; }).find("min-p"), 0u);
  EXPECT_EQ(message([](O& o) { o.repetition_penalty = 0; }).find("repetition penalty"), 0u);
  EXPECT_EQ(message([](O& o) { o.max_new_tokens = 0; }).find("the limit of new tokens"), 0u);
  EXPECT_EQ(message([](O& o) { o.num_beams = 0; }).find("the number of beams"), 0u);
  EXPECT_EQ(message([](O& o) { o.num_beams = 1 << 30; }).find("the number of beams"), 0u);
  EXPECT_EQ(message([](O& o) { o.num_beams = 3; }).find("beam search does not sample"), 0u);
  EXPECT_EQ(message([](O& o) { o.stop = {""}; }), "a stop string must not be empty");
}

// Far below the time of a decode step; the bound is loose for busy machines and sanitizers.
TEST(Sampler, IsFastOverTheWholeVocabulary) {
  const std::vector<float> logits = random_logits(151851, 9);
  struct Case {
    const char* name;
    int64_t top_k;
    double top_p;
  };
  for (const Case& c : {Case{"official", 100, 0.8}, Case{"top-p only", 0, 0.8}}) {
    GenerationOptions options;
    options.top_k = c.top_k;
    options.top_p = c.top_p;
    Sampler sampler(options);
    double best = 1;
    for (int i = 0; i < 20; ++i) {
      std::vector<float> copy = logits;
      const auto start = std::chrono::steady_clock::now();
      sampler.choose(copy, std::vector<int32_t>(1000, 7));
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    RecordProperty(c.name, fmt::format("{:.3f} ms", best * 1e3));
    EXPECT_LT(best, 0.1) << c.name;
  }
}

}  // namespace
}  // namespace owl3
