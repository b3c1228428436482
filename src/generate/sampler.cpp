#include "generate/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>
#include <vector>

#include "constraint/token_trie.h"
#include "core/error.h"

namespace owl3 {

namespace {

constexpr double kMaxAnswerPenalty = 1000;
constexpr float kNotAllowed = -std::numeric_limits<float>::infinity();

struct Candidate {
  int32_t id = 0;
  float logit = 0;
  double weight = 0;  // exp((logit - largest) / temperature): a probability but for its scale
};

void require(bool holds, std::string_view option, std::string_view range, double value) {
  if (holds) return;
  throw UsageError(fmt::format("{} must be {}, not {}", option, range, value));
}

// Of finite numbers and infinities. In lanes, which compilers make vectors of.
float largest_of(std::span<const float> values) {
  constexpr size_t kLanes = 32;
  float lanes[kLanes];
  std::fill(std::begin(lanes), std::end(lanes), -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
    }
  }
  for (; i < values.size(); ++i) lanes[0] = std::max(lanes[0], values[i]);
  return *std::max_element(std::begin(lanes), std::end(lanes));
}

// The logit of the k-th best token. A small heap beats nth_element: nearly all of the vocabulary
// fails its one comparison.
float kth_largest(std::span<const float> logits, size_t k) {
  constexpr size_t kHeapLimit = 2048;
  if (k > kHeapLimit) {
    std::vector<float> copy(logits.begin(), logits.end());
    const auto kth = copy.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(copy.begin(), kth, copy.end(), std::greater<>());
    return *kth;
  }
  std::vector<float> best(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(k));
  std::make_heap(best.begin(), best.end(), std::greater<>());
  for (const float logit : logits.subspan(k)) {
    if (logit <= best.front()) continue;
    std::pop_heap(best.begin(), best.end(), std::greater<>());
    best.back() = logit;
    std::push_heap(best.begin(), best.end(), std::greater<>());
  }
  return best.front();
}

// Tokens that top-k leaves, by ascending id; all that tie with the k-th stay, but none that is not
// allowed.
std::vector<Candidate> keep_top_k(std::span<const float> logits, int64_t top_k,
                                  double temperature) {
  const bool all = top_k == 0 || static_cast<uint64_t>(top_k) >= logits.size();
  const float threshold = all ? kNotAllowed : kth_largest(logits, static_cast<size_t>(top_k));
  const double largest = largest_of(logits);
  std::vector<Candidate> kept;
  kept.reserve(all ? logits.size() : static_cast<size_t>(top_k));
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] < threshold || logits[id] == kNotAllowed) continue;
    // In double, so that no temperature makes a finite logit infinite.
    const double weight = std::exp((double{logits[id]} - largest) / temperature);
    kept.push_back({static_cast<int32_t>(id), logits[id], weight});
  }
  return kept;
}

double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

// Drops the least likely tokens as long as their probabilities together stay within 1 - top_p;
// leaves the rest by descending probability.
void keep_top_p(std::vector<Candidate>& candidates, double top_p) {
  // A set that reaches top_p but for rounding reaches it.
  constexpr double kSlack = 1e-9;
  const double total = total_weight(candidates);
  const double budget = (1 - top_p) * total;
  // Tokens below an equal share of the budget cannot exhaust it: they go without being sorted.
  const double share = budget / static_cast<double>(candidates.size());
  double dropped = 0;
  std::erase_if(candidates, [&](const Candidate& candidate) {
    if (candidate.weight >= share) return false;
    dropped += candidate.weight;
    return true;
  });
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  while (candidates.size() > 1 && dropped + candidates.back().weight <= budget + kSlack * total) {
    dropped += candidates.back().weight;
    candidates.pop_back();
  }
}

// The largest weight is 1, so that min_p is the threshold itself.
void keep_min_p(std::vector<Candidate>& candidates, double min_p) {
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < min_p; });
}

// One of the candidates, by weight. The uniform number is made here, since the standard library's
// distributions differ between platforms.
int32_t draw(std::span<const Candidate> candidates, std::mt19937_64& random) {
  const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;  // [0, 1)
  double rest = uniform * total_weight(candidates);
  for (const Candidate& candidate : candidates) {
    rest -= candidate.weight;
    if (rest < 0) return candidate.id;
  }
  // Rounding only: the sum was taken in the same order.
  return candidates.back().id;
}

// The first of the largest.
int32_t argmax(std::span<const float> logits) {
  const auto largest = std::find(logits.begin(), logits.end(), largest_of(logits));
  return static_cast<int32_t>(largest - logits.begin());
}

}  // namespace

void check_generation_options(const GenerationOptions& options) {
  require(options.temperature > 0 && std::isfinite(options.temperature), "temperature",
          "above 0 (for greedy answers, turn sampling off)", options.temperature);
  require(options.top_k >= 0, "top-k", "0 (off) or above", static_cast<double>(options.top_k));
  require(options.top_p > 0 && options.top_p <= 1, "top-p", "above 0 and at most 1 (off)",
          options.top_p);
  require(options.min_p >= 0 && options.min_p <= 1, "min-p", "between 0 (off) and 1",
          options.min_p);
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty),
          "repetition penalty", "above 0 (1 is off)", options.repetition_penalty);
  require(options.max_new_tokens >= 1, "the limit of new tokens", "1 or above",
          static_cast<double>(options.max_new_tokens));
  require(options.num_beams >= 1 && options.num_beams <= kMaxBeams, "the number of beams",
          fmt::format("between 1 (off) and {}", kMaxBeams), static_cast<double>(options.num_beams));
  for (const double penalty : {options.presence_penalty, options.frequency_penalty}) {
    require(penalty >= -kMaxAnswerPenalty && penalty <= kMaxAnswerPenalty,
            "a penalty of presence or frequency",
            fmt::format("between -{0} and {0} (0 is off)", kMaxAnswerPenalty), penalty);
  }
  if (options.likeliest) {
    require(*options.likeliest >= 0 && *options.likeliest <= kMaxLikeliest,
            "the number of likeliest tokens", fmt::format("between 0 and {}", kMaxLikeliest),
            static_cast<double>(*options.likeliest));
  }
  const bool beams_cannot = options.presence_penalty != 0 || options.frequency_penalty != 0 ||
                            options.likeliest.has_value();
  if (beams_cannot && options.num_beams > 1) {
    throw UsageError(
        "beam search has no penalties of presence and frequency, and tells no probabilities of "
        "tokens: use one beam");
  }
  if (options.do_sample && options.num_beams > 1) {
    throw UsageError("beam search does not sample: turn sampling off or use one beam");
  }
  for (const std::string& stop : options.stop) {
    if (stop.empty()) throw UsageError("a stop string must not be empty");
  }
}

void check_logits_finite(std::span<const float> logits) {
  constexpr uint32_t kExponent = 0x7f800000u;  // all ones in infinities and NaN only
  uint32_t bad = 0;
  for (const float logit : logits) {
    bad |= static_cast<uint32_t>((std::bit_cast<uint32_t>(logit) & kExponent) == kExponent);
  }
  if (bad != 0) {
    throw InputError("the model's logits are not finite: its weights are broken or overflow");
  }
}

void keep_allowed(std::span<float> logits, const TokenMask& allowed) {
  for (size_t id = 0; id < logits.size(); ++id) {
    if (!allowed.has(static_cast<int32_t>(id))) logits[id] = kNotAllowed;
  }
}

void apply_repetition_penalty(std::span<float> logits, std::span<const int32_t> seen,
                              double penalty) {
  if (penalty == 1) return;
  constexpr double kLargest = std::numeric_limits<float>::max();
  std::vector<bool> done(logits.size());
  for (const int32_t id : seen) {
    if (id < 0 || static_cast<size_t>(id) >= logits.size()) {
      throw UsageError(
          fmt::format("token id {} lies outside the vocabulary of {}", id, logits.size()));
    }
    const auto index = static_cast<size_t>(id);
    if (done[index]) continue;
    done[index] = true;
    if (logits[index] == kNotAllowed) continue;
    const double logit = logits[index];
    const double penalised = logit < 0 ? logit * penalty : logit / penalty;
    logits[index] = static_cast<float>(std::clamp(penalised, -kLargest, kLargest));
  }
}

void apply_answer_penalties(std::span<float> logits, std::span<const int32_t> answer,
                            double presence, double frequency) {
  if (presence == 0 && frequency == 0) return;
  std::unordered_map<int32_t, int64_t> times;
  for (const int32_t id : answer) ++times[id];
  for (const auto& [id, count] : times) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = static_cast<float>(double{logit} - presence - frequency * static_cast<double>(count));
  }
}

Sampler::Sampler(const GenerationOptions& options) : options_(options), random_(options.seed) {
  check_generation_options(options);
}

int32_t Sampler::choose(std::span<float> logits, std::span<const int32_t> seen,
                        size_t answer_tokens, const TokenMask* allowed) {
  OWL3_CHECK(!logits.empty());
  check_logits_finite(logits);
  if (allowed != nullptr) keep_allowed(logits, *allowed);
  apply_repetition_penalty(logits, seen, options_.repetition_penalty);
  apply_answer_penalties(logits, seen.last(answer_tokens), options_.presence_penalty,
                         options_.frequency_penalty);
  if (!options_.do_sample) return argmax(logits);

  std::vector<Candidate> candidates = keep_top_k(logits, options_.top_k, options_.temperature);
  if (options_.top_p < 1) keep_top_p(candidates, options_.top_p);
  if (options_.min_p > 0) keep_min_p(candidates, options_.min_p);
  return draw(candidates, random_);
}

}  // namespace owl3
