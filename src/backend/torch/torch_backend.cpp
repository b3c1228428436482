// The simpler operations: norms, activations, rotary embedding, copies.
#include "backend/torch/torch_backend.h"

#include <cmath>

#include "backend/torch/cuda_graphs.h"
#include "backend/torch/make_torch_backend.h"
#include "backend/torch/repeated_steps_check.h"
#include "backend/torch/torch_versions.h"
#include "core/threads.h"

namespace owl3 {

namespace {

/// Every row of x, whatever its shape: [rows, row size].
at::Tensor by_rows(const at::Tensor& x) {
  return x.reshape({x.size(0), -1});
}

void check_indexes(std::span<const int32_t> indexes, int64_t end) {
  for (const int32_t index : indexes) OWL3_CHECK(index >= 0 && index < end);
}

}  // namespace

TorchBackend::TorchBackend(const TorchSettings& settings, const ModelOptions& options,
                           BeginRecording begin_recording)
    : bridge_(settings.device),
      slots_(std::make_shared<TorchSlots>(bridge_.torch_device(), /*beside=*/false)),
      images_(
          std::make_shared<TorchImageMemory>(bridge_.torch_device(), slots_, settings.image_bytes)),
      staging_(bridge_.torch_device()),
      product_type_(options.precision == Precision::kFloat32 ? at::kFloat : at::kBFloat16) {
  // LibTorch's own threads, of which there is one set in a process.
  at::set_num_threads(options.threads > 0 ? options.threads : available_threads());
  run([&] {
    float_products_ = float_products_work();
    flash_ = flash_works();
  });
  if (!settings.graphs) return;
  if (!begin_recording) {
    begin_recording = run([&] { return cuda_graphs(bridge_.torch_device()); });
  }
  if (!begin_recording) return;
  steps_ = std::make_unique<TorchSteps>(bridge_, std::move(begin_recording));
  const DType text_type = product_type_ == at::kFloat ? DType::kF32 : DType::kBF16;
  const DType image_type = options.visual_memory_int8 ? DType::kI8 : text_type;
  if (!repeated_steps_work(*this, text_type, image_type)) steps_.reset();
}

std::unique_ptr<Backend> make_torch_backend(const std::string& device,
                                            const ModelOptions& options) {
  return make_torch_backend(device, options, {});
}

std::unique_ptr<Backend> make_torch_backend(const std::string& device, const ModelOptions& options,
                                            BeginRecording begin_recording) {
  return std::make_unique<TorchBackend>(torch_settings(device), options,
                                        std::move(begin_recording));
}

std::string TorchBackend::description() const {
  const int threads = at::get_num_threads();
  const std::string where = bridge_.torch_device().is_cpu()
                                ? fmt::format("CPU, {} thread{}", threads, threads == 1 ? "" : "s")
                                : std::string(device().name());
  return fmt::format("LibTorch {}, {}, {} products{}{}", TORCH_VERSION, where,
                     product_type_ == at::kFloat ? "float32" : "bf16",
                     flash_ ? ", flash attention" : "",
                     steps_ != nullptr && steps_->works() ? ", graphs" : "");
}

int64_t TorchBackend::rows_at_once() const {
  constexpr int64_t kRowsOfCards = 8192;
  return bridge_.torch_device().is_cpu() ? Backend::rows_at_once() : kRowsOfCards;
}

Tensor TorchBackend::allocate(DType dtype, Shape shape) {
  return operation({.name = "allocate", .always = shape},
                   [&] { return keep(at::empty(shape, bridge_.options(torch_type(dtype)))); });
}

Tensor TorchBackend::upload(const Tensor& host) {
  return run([&] { return keep(uploaded(host)); });
}

Tensor TorchBackend::download(const Tensor& x) {
  if (steps_ != nullptr) steps_->finish(x);
  return run([&] { return bridge_.to_host(see(x)); });
}

Tensor TorchBackend::to_float(const Tensor& x) {
  return run([&] { return keep(see(x).to(at::kFloat, /*non_blocking=*/false, /*copy=*/true)); });
}

Tensor TorchBackend::scaled(const Tensor& x, double factor) {
  return run([&] { return keep(see(x).to(at::kFloat).mul(factor)); });
}

Tensor TorchBackend::gather_rows(const Tensor& x, std::span<const int64_t> rows) {
  const StepOperation gather = {"gather_rows", {&x}, {rows.begin(), rows.end()}};
  return operation(gather, [&](const at::Tensor& numbers) {
    return keep(see(x).index_select(0, indexes(numbers, rows)));
  });
}

void TorchBackend::copy_rows(Tensor& to, int64_t first_row, const Tensor& from) {
  const int64_t rows = from.dim(0);
  OWL3_CHECK(from.dtype() == to.dtype() && from.row_size() == to.row_size() &&
             first_row + rows <= to.dim(0));
  const Tensor there = to.rows(first_row, first_row + rows);
  operation({"copy_rows", {&there, &from}}, [&] { by_rows(see(there)).copy_(by_rows(see(from))); });
}

Tensor TorchBackend::embedding(const Tensor& table, std::span<const int32_t> ids) {
  check_indexes(ids, table.dim(0));
  const StepOperation embed = {"embedding", {&table}, {ids.begin(), ids.end()}};
  return operation(embed, [&](const at::Tensor& numbers) {
    return keep(see(table).index_select(0, indexes(numbers, ids)).to(at::kFloat));
  });
}

Tensor TorchBackend::rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  OWL3_CHECK(weight.size() == x.row_size());
  return operation({"rms_norm", {&x, &weight}}, [&] {
    const at::Tensor rows = see(x);
    const at::Tensor factors = see(weight);
    const at::Tensor fused = torch_versions::fused_rms_norm(rows, factors, eps);
    if (fused.defined()) return keep(fused.to(product_type_));
    const at::Tensor inverse = rows.square().mean(-1, /*keepdim=*/true).add_(eps).rsqrt_();
    return keep((rows * inverse).mul_(factors).to(product_type_));
  });
}

Tensor TorchBackend::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                double eps) {
  const int64_t n = x.row_size();
  OWL3_CHECK(weight.size() == n && bias.size() == n);
  return run([&] {
    return keep(at::layer_norm(see(x), {n}, see(weight), see(bias), eps).to(product_type_));
  });
}

Tensor TorchBackend::swiglu(const Tensor& gate, const Tensor& up) {
  return operation({"swiglu", {&gate, &up}},
                   [&] { return keep(at::silu(see(gate)).mul_(see(up)).to(product_type_)); });
}

void TorchBackend::add_repeated(Tensor& x, const Tensor& y) {
  OWL3_CHECK(x.row_size() == y.row_size());
  run([&] {
    const at::Tensor repeated = by_rows(see(y));
    by_rows(see(x)).view({-1, repeated.size(0), repeated.size(1)}).add_(repeated);
  });
}

void TorchBackend::note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) {
  const Tensor flag = flags.rows(index, index + 1);
  operation({"note_finite_rows", {&x, &flag}}, [&] {
    // A sum of squares keeps NaN, and infinities as what they are.
    const at::Tensor squares = by_rows(see(x)).square().sum(-1);
    see(flag).copy_(at::lt(squares, INFINITY).all());  // NaN is not less
  });
}

Tensor TorchBackend::patches(const Tensor& pixel_values, int64_t patch_size) {
  const int64_t images = pixel_values.dim(0);
  const int64_t channels = pixel_values.dim(1);
  const int64_t side = pixel_values.dim(2) / patch_size;
  const int64_t size = side * patch_size;
  return run([&] {
    return keep(see(pixel_values)
                    .narrow(2, 0, size)
                    .narrow(3, 0, size)
                    .reshape({images, channels, side, patch_size, side, patch_size})
                    .permute({0, 2, 4, 1, 3, 5})
                    .reshape({images * side * side, channels * patch_size * patch_size}));
  });
}

Tensor TorchBackend::rope_table(int64_t positions, int64_t d, double theta) {
  const int64_t half = d / 2;
  Tensor frequencies = make_tensor(DType::kF32, {half});
  for (int64_t i = 0; i < half; ++i) {
    // float32 throughout, as the reference computes its angles
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(d);
    frequencies.f32()[i] = 1.0f / std::pow(static_cast<float>(theta), exponent);
  }
  return run([&] {
    const at::Tensor places = at::arange(positions, bridge_.options(at::kFloat)).unsqueeze(1);
    const at::Tensor angles = places * bridge_.to_device(frequencies);
    return keep(at::cat({angles.cos(), angles.sin()}, 1));
  });
}

at::Tensor rotate_by(const at::Tensor& x, const at::Tensor& angles) {
  const auto x_halves = x.chunk(2, -1);
  const auto of_angle = angles.unsqueeze(-2).chunk(2, -1);
  const at::Tensor& cosine = of_angle[0];
  const at::Tensor& sine = of_angle[1];
  return at::cat(
      {x_halves[0] * cosine - x_halves[1] * sine, x_halves[1] * cosine + x_halves[0] * sine}, -1);
}

Tensor TorchBackend::rotate(const Tensor& x, const Tensor& rope,
                            std::span<const int32_t> positions) {
  OWL3_CHECK(static_cast<int64_t>(positions.size()) == x.dim(0) && rope.dim(1) == x.dim(2));
  check_indexes(positions, rope.dim(0));
  const StepOperation turn = {"rotate", {&x, &rope}, {positions.begin(), positions.end()}};
  return operation(turn, [&](const at::Tensor& numbers) {
    const at::Tensor angles = see(rope).index_select(0, indexes(numbers, positions));
    return keep(rotate_by(see(x), angles));
  });
}

Tensor TorchBackend::join_softmax(const AttentionPart& a, const AttentionPart& b) {
  return operation({"join_softmax", {&a.out, &a.log_sum_exp, &b.out, &b.log_sum_exp}}, [&] {
    // Of the whole denominator; 0 of a part that sees no key.
    const at::Tensor share_b = at::sigmoid(see(b.log_sum_exp) - see(a.log_sum_exp)).unsqueeze(-1);
    const at::Tensor from_a = see(a.out);
    return keep((see(b.out) - from_a).mul_(share_b).add_(from_a));
  });
}

Tensor TorchBackend::mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                                 const Tensor& gate) {
  const int64_t heads = text.out.dim(1);
  const int64_t d = text.out.dim(2);
  OWL3_CHECK(gate.size() == heads * d);
  const StepOperation mix = {"mix_by_gate", {&text.out, &visual.out, &visual.log_sum_exp, &gate}};
  return operation(mix, [&] {
    const at::Tensor sees_image = (see(visual.log_sum_exp) != -INFINITY).unsqueeze(-1);
    const at::Tensor share = bridge_.see(gate, {heads, d}) * sees_image;
    return keep((1 - share) * see(text.out) + share * see(visual.out));
  });
}

}  // namespace owl3
