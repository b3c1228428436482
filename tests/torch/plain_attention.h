// Attention as it is defined, in double precision, a row and a head at a time.
#pragma once

#include <cmath>
#include <vector>

#include "backend/random_tensor.h"

namespace owl3::test {

using Numbers = std::vector<double>;

struct Row {
  Numbers out;
  double log_sum_exp;
};

inline double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// softmax(q K^T / sqrt(d)) V over lists of keys and values.
inline Row plain_attention(const Numbers& q, const std::vector<Numbers>& keys,
                           const std::vector<Numbers>& values) {
  Row row = {Numbers(q.size(), 0.0), -INFINITY};
  double sum = 0;
  for (size_t j = 0; j < keys.size(); ++j) {
    const double weight = std::exp(dot(q, keys[j]) / std::sqrt(static_cast<double>(q.size())));
    sum += weight;
    for (size_t c = 0; c < q.size(); ++c) row.out[c] += weight * values[j][c];
  }
  for (double& v : row.out) v /= sum > 0 ? sum : 1;
  if (sum > 0) row.log_sum_exp = std::log(sum);
  return row;
}

inline Numbers head_of(const Tensor& x, int64_t token, int64_t head) {
  Numbers values;
  for (int64_t c = 0; c < x.dim(2); ++c) {
    values.push_back(element(x, (token * x.dim(1) + head) * x.dim(2) + c));
  }
  return values;
}

inline Numbers rotated(Numbers x, int64_t position, double theta) {
  const size_t half = x.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const double angle =
        static_cast<double>(position) *
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(x.size()));
    const double a = x[i], b = x[i + half];
    x[i] = a * std::cos(angle) - b * std::sin(angle);
    x[i + half] = b * std::cos(angle) + a * std::sin(angle);
  }
  return x;
}

/// Adds the first `count` keys and values of a head.
inline void add_keys(std::vector<Numbers>& keys, std::vector<Numbers>& values, const Tensor& k,
                     const Tensor& v, int64_t count, int64_t head) {
  for (int64_t j = 0; j < count; ++j) {
    keys.push_back(head_of(k, j, head));
    values.push_back(head_of(v, j, head));
  }
}

}  // namespace owl3::test
