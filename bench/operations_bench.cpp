// The CPU backend's operations at the shapes of the vision encoder and of the 2B decoder:
//   cmake --preset release -DOWL3_BENCHMARKS=ON && cmake --build --preset release --target
//   operations_bench build/release/bench/operations_bench --benchmark_filter=Vision
#include <benchmark/benchmark.h>

#include <random>

#include "backend/cpu/cpu_backend.h"
#include "formats/quantise.h"

namespace owl3 {
namespace {

constexpr int64_t kTokens = 729, kVisionWidth = 1152, kVisionInner = 4304, kVisionHeads = 16;

Tensor random_floats(const Shape& shape) {
  Tensor tensor = make_tensor(DType::kF32, shape);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-1, 1);
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.f32()[i] = value(random);
  return tensor;
}

Linear random_layer(int64_t n, int64_t k, DType dtype) {
  const Tensor weight = random_floats({n, k});
  if (dtype == DType::kF32) return {weight, random_floats({n})};
  Tensor stored = make_tensor(dtype, {n, k});
  quantise(dtype, weight.f32(), stored.raw(), weight.size());
  return {stored, random_floats({n})};
}

Linear vision_layer(CpuBackend& backend, int64_t n, int64_t k, bool int8) {
  const Linear layer = random_layer(n, k, DType::kBF16);
  return int8 ? backend.prepare(layer, WeightForm::kInt8) : layer;
}

void set_rate(benchmark::State& state, double operations) {
  state.counters["GOP/s"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_VisionLinear(benchmark::State& state) {
  CpuBackend backend;
  const int64_t n = state.range(0), k = state.range(1);
  const Linear layer = vision_layer(backend, n, k, state.range(2) != 0);
  Tensor ones = make_tensor(DType::kF32, {k});
  const Tensor x = backend.rms_norm(random_floats({kTokens, k}), ones, 1e-6);
  for (auto _ : state) benchmark::DoNotOptimize(backend.linear(x, layer, Activation::kNone).raw());
  set_rate(state, 2.0 * kTokens * static_cast<double>(n * k));
}
BENCHMARK(BM_VisionLinear)
    ->ArgNames({"n", "k", "int8"})
    ->Args({kVisionWidth, kVisionWidth, 0})
    ->Args({kVisionWidth, kVisionWidth, 1})
    ->Args({kVisionInner, kVisionWidth, 0})
    ->Args({kVisionInner, kVisionWidth, 1})
    ->UseRealTime();

void BM_VisionGelu(benchmark::State& state) {
  CpuBackend backend;
  const Linear layer = vision_layer(backend, kVisionInner, kVisionWidth, state.range(0) != 0);
  const Tensor x = random_floats({kTokens, kVisionWidth});
  for (auto _ : state) {
    benchmark::DoNotOptimize(backend.linear(x, layer, Activation::kGeluTanh).raw());
  }
  set_rate(state, 2.0 * kTokens * kVisionInner * kVisionWidth);
}
BENCHMARK(BM_VisionGelu)->ArgName("int8")->Arg(0)->Arg(1)->UseRealTime();

void BM_VisionLinearAdd(benchmark::State& state) {
  CpuBackend backend;
  const int64_t k = state.range(0);
  const Linear layer = vision_layer(backend, kVisionWidth, k, state.range(1) != 0);
  Tensor ones = make_tensor(DType::kF32, {k});
  const Tensor x = backend.rms_norm(random_floats({kTokens, k}), ones, 1e-6);
  Tensor y = random_floats({kTokens, kVisionWidth});
  for (auto _ : state) backend.linear_add(y, x, layer);
  set_rate(state, 2.0 * kTokens * kVisionWidth * static_cast<double>(k));
}
BENCHMARK(BM_VisionLinearAdd)
    ->ArgNames({"k", "int8"})
    ->Args({kVisionWidth, 0})
    ->Args({kVisionWidth, 1})
    ->Args({kVisionInner, 0})
    ->Args({kVisionInner, 1})
    ->UseRealTime();

void BM_VisionAttention(benchmark::State& state) {
  CpuBackend backend;
  const Shape shape = {kTokens, kVisionHeads, kVisionWidth / kVisionHeads};
  const Tensor q = random_floats(shape), k = random_floats(shape), v = random_floats(shape);
  for (auto _ : state) benchmark::DoNotOptimize(backend.self_attention(q, k, v, kTokens).raw());
  set_rate(state, 4.0 * kTokens * kTokens * kVisionWidth);
}
BENCHMARK(BM_VisionAttention)->UseRealTime();

void BM_VisionLayerNorm(benchmark::State& state) {
  CpuBackend backend;
  const Tensor x = random_floats({kTokens, kVisionWidth});
  const Tensor weight = random_floats({kVisionWidth});
  for (auto _ : state) benchmark::DoNotOptimize(backend.layer_norm(x, weight, weight, 1e-6).raw());
}
BENCHMARK(BM_VisionLayerNorm)->UseRealTime();

// gate_proj of the 2B over its types and numbers of rows: where one way of multiplying should give
// over to the next shows as a step in the time per row.
void BM_Linear(benchmark::State& state) {
  constexpr int64_t n = 8960, k = 1536;
  CpuBackend backend;
  std::vector<Linear> layers;  // more than the last cache holds
  for (int i = 0; i < 8; ++i) {
    layers.push_back(random_layer(n, k, static_cast<DType>(state.range(0))));
  }
  const Tensor x = random_floats({state.range(1), k});
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        backend.linear(x, layers[next++ % layers.size()], Activation::kNone).raw());
  }
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(layers[0].weight.size_bytes()) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate);
  set_rate(state, 2.0 * static_cast<double>(state.range(1) * n * k));
  state.SetLabel(std::string(name_of(static_cast<DType>(state.range(0)))));
}
BENCHMARK(BM_Linear)
    ->ArgNames({"type", "rows"})
    ->ArgsProduct({{static_cast<int64_t>(DType::kBF16), static_cast<int64_t>(DType::kQ8_0),
                    static_cast<int64_t>(DType::kQ4_0), static_cast<int64_t>(DType::kQ4_K),
                    static_cast<int64_t>(DType::kQ6_K)},
                   {1, 2, 4, 8, 9, 12, 16, 24, 32, 64, 512}})
    ->UseRealTime();

// Visual attention of the 2B over N images of one layer, by one token (decoding) or a question.
void BM_VisualAttention(benchmark::State& state) {
  constexpr int64_t kHeads = 12, kKeyValueHeads = 2, kHeadSize = 128;
  CpuBackend backend;
  const auto dtype = static_cast<DType>(state.range(0));
  const int64_t tokens = state.range(1), images = state.range(2);
  const Tensor kv = random_floats({kTokens, kKeyValueHeads * 2 * kHeadSize});
  std::vector<VisibleImage> visible;
  for (int64_t i = 0; i < images; ++i) {
    visible.push_back({backend.split_keys_values(kv, kKeyValueHeads, dtype), i, i});
  }
  const Tensor q = random_floats({tokens, kHeads, kHeadSize});
  const Tensor rope = random_floats({images + tokens + 1, kHeadSize});
  const VisualRows rows = {tokens, images, visible};
  for (auto _ : state) {
    benchmark::DoNotOptimize(backend.visual_attention(q, {&rows, 1}, rope).out.raw());
  }
  state.counters["GB/s"] = benchmark::Counter(
      static_cast<double>(images) * static_cast<double>(visible[0].block.bytes()) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate);
  set_rate(state, 4.0 * static_cast<double>(tokens * images * kTokens * kHeads * kHeadSize));
  state.SetLabel(std::string(name_of(dtype)));
}
BENCHMARK(BM_VisualAttention)
    ->ArgNames({"type", "tokens", "images"})
    ->ArgsProduct({{static_cast<int64_t>(DType::kF32), static_cast<int64_t>(DType::kBF16),
                    static_cast<int64_t>(DType::kI8)},
                   {1, 2, 4, 32, 128},
                   {64}})
    ->ArgsProduct({{static_cast<int64_t>(DType::kBF16), static_cast<int64_t>(DType::kI8)},
                   {1, 32},
                   {1000}})
    ->UseRealTime();

}  // namespace
}  // namespace owl3

BENCHMARK_MAIN();
