// Norms, activations, rotary embedding and conversions: each reads its input once and is bound by
// the caches.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

namespace owl3::cpu::OWL3_ISA {

namespace {

/// Applies a function of vectors to n floats; the last ones go through a padded vector.
template <typename Function>
inline void apply(float* x, int64_t n, Function function) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(x + i, function(load(x + i), i));
  if (i == n) return;
  float last[kWidth] = {};
  for (int64_t j = i; j < n; ++j) last[j - i] = x[j];
  store(last, function(load(last), i));
  for (int64_t j = i; j < n; ++j) x[j] = last[j - i];
}

/// Sum of f(x) over n floats, in float32 vector lanes.
template <typename Function>
inline float sum_over(const float* x, int64_t n, Function function) {
  Vec sum = {};
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) sum += function(load(x + i));
  float last[kWidth] = {};
  float total = sum_of(sum);
  if (i < n) {
    for (int64_t j = i; j < n; ++j) last[j - i] = x[j];
    float results[kWidth];
    store(results, function(load(last)));
    for (int64_t j = i; j < n; ++j) total += results[j - i];
  }
  return total;
}

}  // namespace

void to_bf16(const float* x, uint16_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store_bf16(y + i, load(x + i));
  if (i == n) return;
  if (n >= kWidth) {  // the last whole vector again
    store_bf16(y + n - kWidth, load(x + n - kWidth));
    return;
  }
  float last[kWidth] = {};
  uint16_t rounded[kWidth];
  for (int64_t j = i; j < n; ++j) last[j - i] = x[j];
  store_bf16(rounded, load(last));
  for (int64_t j = i; j < n; ++j) y[j] = rounded[j - i];
}

float round_int8(const float* x, int64_t n, int8_t* rounded) {
  Vec largest = {};
  Vec nothing = {};  // 0 unless x holds NaN, which no maximum keeps
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Vec v = load(x + i);
    largest = maximum(largest, maximum(v, -v));
    nothing += v * 0.0f;
  }
  float limit = largest_of(largest);
  float nan_or_zero = sum_of(nothing);
  float last[kWidth] = {};  // of the incomplete vector at the end
  for (int64_t j = i; j < n; ++j) {
    last[j - i] = x[j];
    const float magnitude = __builtin_fabsf(x[j]);
    limit = magnitude > limit ? magnitude : limit;
    nan_or_zero += x[j] * 0.0f;
  }
  limit += nan_or_zero;
  if (!(limit < __builtin_inff())) {
    __builtin_memset(rounded, 0, static_cast<size_t>(n));
    return __builtin_nanf("");
  }
  const float inverse = limit > 0 ? 127.0f / limit : 0.0f;
  const auto round = [inverse](const float* values) {
    return __builtin_convertvector(round_to_integer(load(values) * inverse), IVec);
  };
  for (int64_t j = 0; j < i; j += kWidth) store_bytes(rounded + j, round(x + j));
  if (i < n) {
    int8_t end[kWidth];
    store_bytes(end, round(last));
    for (int64_t j = i; j < n; ++j) rounded[j] = end[j - i];
  }
  return limit / 127.0f;
}

void scale_sums(const int32_t* sums, float row_scale, const float* scales, const float* bias,
                float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(sums[i]) * (row_scale * scales[i]);
  if (bias != nullptr) add(y, bias, n);
}

float sum_of_squares(const float* x, int64_t n) {
  return sum_over(x, n, [](Vec v) { return v * v; });
}

void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t n) {
  const float squares = sum_of_squares(x, n);
  const float scale = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + eps);
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y,
                int64_t n) {
  const float mean = sum_over(x, n, [](Vec v) { return v; }) / static_cast<float>(n);
  const float variance =
      sum_over(x, n, [mean](Vec v) { return (v - mean) * (v - mean); }) / static_cast<float>(n);
  const float scale = 1.0f / __builtin_sqrtf(variance + eps);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))
void gelu_tanh(float* x, int64_t n) {
  apply(x, n, [](Vec v, int64_t) {
    const Vec inner = 1.5957691216f * (v + 0.044715f * v * v * v);
    return v / (1.0f + exponential(-inner));
  });
}

void silu_multiply(const float* gate, const float* up, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Vec g = load(gate + i);
    store(y + i, g / (1.0f + exponential(-g)) * load(up + i));
  }
  for (int64_t j = i; j < n; ++j) y[j] = gate[j];
  apply(y + i, n - i, [](Vec g, int64_t) { return g / (1.0f + exponential(-g)); });
  for (; i < n; ++i) y[i] *= up[i];
}

void add(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

void rotate(const float* x, const float* cosines, const float* sines, float* y, int64_t d) {
  const int64_t half = d / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float low = x[i];
    const float high = x[i + half];
    y[i] = low * cosines[i] - high * sines[i];
    y[i + half] = high * cosines[i] + low * sines[i];
  }
}

}  // namespace owl3::cpu::OWL3_ISA
