#include "generate/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace owl3 {

double log_sum_exp(std::span<const float> logits) {
  OWL3_CHECK(!logits.empty());
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - largest);
  return largest + std::log(sum);
}

Likelihoods::Likelihoods(std::span<const float> logits) : logits_(logits.begin(), logits.end()) {
  log_sum_ = log_sum_exp(logits_);
}

TokenLikelihood Likelihoods::of(int32_t token) const {
  return {token, double{logits_.at(static_cast<size_t>(token))} - log_sum_};
}

std::vector<TokenLikelihood> Likelihoods::likeliest(int64_t count) const {
  const auto most = std::min(logits_.size(), static_cast<size_t>(std::max<int64_t>(0, count)));
  std::vector<int32_t> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(most);
  std::partial_sort(ids.begin(), end, ids.end(), [&](int32_t a, int32_t b) {
    const float one = logits_[static_cast<size_t>(a)];
    const float other = logits_[static_cast<size_t>(b)];
    return one != other ? one > other : a < b;
  });
  std::vector<TokenLikelihood> likeliest;
  for (auto id = ids.begin(); id != end; ++id) likeliest.push_back(of(*id));
  return likeliest;
}

}  // namespace owl3
