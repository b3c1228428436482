#include "generate/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace owl3 {

Likelihoods::Likelihoods(std::span<const float> logits) : logits_(logits.begin(), logits.end()) {
  OWL3_CHECK(!logits_.empty());
  const double largest = *std::max_element(logits_.begin(), logits_.end());
  double sum = 0;
  for (const float logit : logits_) sum += std::exp(double{logit} - largest);
  log_sum_ = largest + std::log(sum);
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
