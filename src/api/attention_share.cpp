#include "api/attention_share.h"

namespace owl3 {

std::vector<float> mean_attention(const AttentionWeights& weights, size_t token) {
  const auto images = static_cast<size_t>(weights.images);
  const size_t parts = weights.gates.size();
  std::vector<float> means(images);
  for (size_t part = 0; part < parts; ++part) {
    const float* of_part = weights.weights.data() + (token * parts + part) * images;
    for (size_t i = 0; i < images; ++i) means[i] += weights.gates[part] * of_part[i];
  }
  for (float& mean : means) mean /= static_cast<float>(parts);
  return means;
}

std::vector<double> attention_strength(const AttentionWeights& weights, size_t token) {
  const auto images = static_cast<size_t>(weights.images);
  const size_t parts = weights.gates.size();
  std::vector<double> strengths(images);
  for (size_t part = 0; part < parts; ++part) {
    const float* of_part = weights.weights.data() + (token * parts + part) * images;
    for (size_t i = 0; i < images; ++i) {
      strengths[i] += double{weights.gates[part]} * double{of_part[i]} * double{of_part[i]};
    }
  }
  return strengths;
}

std::vector<double> shares_of(std::vector<double> strengths) {
  double sum = 0;
  for (const double strength : strengths) sum += strength;
  if (sum > 0) {
    for (double& strength : strengths) strength /= sum;
  }
  return strengths;
}

}  // namespace owl3
