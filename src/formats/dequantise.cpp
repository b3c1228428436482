// Blocks to values: the definitions in core/block_layouts.h as code.
#include "core/block_layouts.h"
#include "core/error.h"
#include "formats/quantise.h"

namespace owl3 {

namespace {

float half(uint16_t bits) {
  return static_cast<float>(f16{bits});
}

void decode(const BlockQ8_0& block, float* x) {
  const float d = half(block.d);
  for (int j = 0; j < 32; ++j) x[j] = d * static_cast<float>(block.qs[j]);
}

void decode(const BlockQ4_0& block, float* x) {
  const float d = half(block.d);
  for (int j = 0; j < 16; ++j) {
    x[j] = d * static_cast<float>((block.qs[j] & 15) - 8);
    x[j + 16] = d * static_cast<float>((block.qs[j] >> 4) - 8);
  }
}

void decode(const BlockQ4_K& block, float* x) {
  const float d = half(block.d);
  const float dmin = half(block.dmin);
  const uint8_t* s = block.scales;
  for (int g = 0; g < 8; ++g) {
    const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | (s[g - 4] >> 6) << 4;
    const int min = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | (s[g] >> 6) << 4;
    const float step = d * static_cast<float>(scale);
    const float offset = dmin * static_cast<float>(min);
    const uint8_t* qs = block.qs + 32 * (g / 2);
    const int shift = g % 2 * 4;
    for (int j = 0; j < 32; ++j) {
      x[32 * g + j] = step * static_cast<float>(qs[j] >> shift & 15) - offset;
    }
  }
}

void decode(const BlockQ6_K& block, float* x) {
  const float d = half(block.d);
  for (int i = 0; i < 256; ++i) {
    const int h = i / 128;
    const int p = i / 32 % 4;
    const int j = i % 32;
    const int low = block.ql[64 * h + 32 * (p % 2) + j] >> (p < 2 ? 0 : 4) & 15;
    const int high = block.qh[32 * h + j] >> 2 * p & 3;
    const float step = d * static_cast<float>(block.scales[i / 16]);
    x[i] = step * static_cast<float>((low | high << 4) - 32);
  }
}

template <typename Block>
void decode_all(DType type, const void* blocks, float* x, int64_t n) {
  const auto* block = static_cast<const Block*>(blocks);
  const int64_t values = block_values(type);
  OWL3_CHECK(n % values == 0);
  for (int64_t b = 0; b < n / values; ++b) decode(block[b], x + b * values);
}

template <typename Element>
void widen(const void* elements, float* x, int64_t n) {
  const auto* element = static_cast<const Element*>(elements);
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(element[i]);
}

}  // namespace

void dequantise(DType type, const void* blocks, float* x, int64_t n) {
  switch (type) {
    case DType::kF32:
      return widen<float>(blocks, x, n);
    case DType::kF16:
      return widen<f16>(blocks, x, n);
    case DType::kBF16:
      return widen<bf16>(blocks, x, n);
    case DType::kQ8_0:
      return decode_all<BlockQ8_0>(type, blocks, x, n);
    case DType::kQ4_0:
      return decode_all<BlockQ4_0>(type, blocks, x, n);
    case DType::kQ4_K:
      return decode_all<BlockQ4_K>(type, blocks, x, n);
    case DType::kQ6_K:
      return decode_all<BlockQ6_K>(type, blocks, x, n);
    case DType::kI8:
      break;  // not an element type of files
  }
  OWL3_CHECK(false);
}

}  // namespace owl3
