// The simpler operations: norms, activations, rotary embedding, copies between layouts.
#include "backend/cpu/cpu_backend.h"

#include <atomic>
#include <cmath>
#include <cstring>

#include "backend/cpu/for_rows.h"
#include "backend/cpu/onednn_products.h"
#include "core/threads.h"

namespace owl3 {

namespace {

bool multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

/// With AVX-512 oneDNN multiplies bf16, if need be in other instructions; without, not at all.
bool can_multiply_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

}  // namespace

CpuBackend::CpuBackend(const CpuOptions& options)
    : kernels_(options.kernels != nullptr ? options.kernels : &cpu::best_kernels()),
      threads_(options.threads > 0 ? options.threads : available_threads()),
      bf16_product_((options.matrix_product == MatrixProduct::kBFloat16 && can_multiply_bf16()) ||
                    ((options.matrix_product == MatrixProduct::kAuto ||
                      options.matrix_product == MatrixProduct::kExpanded) &&
                     multiplies_bf16())),
      blocks_product_(options.matrix_product == MatrixProduct::kAuto &&
                      kernels_->product_quantised != nullptr),
      pool_(std::make_shared<cpu::MemoryPool>()),
      onednn_(std::make_unique<cpu::OneDnnProducts>(pool_, threads_)) {}

CpuBackend::CpuBackend(CpuBackend&&) noexcept = default;
CpuBackend::~CpuBackend() = default;

std::string CpuBackend::description() const {
  return fmt::format("CPU, {} thread{}, {} kernels, {} products", threads_,
                     threads_ == 1 ? "" : "s", kernels_->name, bf16_product_ ? "bf16" : "float32");
}

Tensor CpuBackend::allocate(DType dtype, Shape shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  auto owner = pool_->allocate(bytes_of(dtype, count));
  void* data = owner.get();
  return Tensor(dtype, std::move(shape), data, std::move(owner));
}

Tensor CpuBackend::to_float(const Tensor& x) {
  Tensor y = make_tensor(DType::kF32, x.shape());
  kernels_->to_float(cpu::storage_of(x.dtype()), x.raw(), y.f32(), x.size());
  return y;
}

Tensor CpuBackend::scaled(const Tensor& x, double factor) {
  Tensor y = to_float(x);
  float* values = y.f32();
  for (int64_t i = 0; i < y.size(); ++i) {
    values[i] = static_cast<float>(factor * double{values[i]});
  }
  return y;
}

Tensor CpuBackend::gather_rows(const Tensor& x, std::span<const int64_t> rows) {
  Shape shape = x.shape();
  shape[0] = static_cast<int64_t>(rows.size());
  Tensor y = allocate(x.dtype(), std::move(shape));
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto to = static_cast<int64_t>(i);
    copy_rows(y, to, x.rows(rows[i], rows[i] + 1));
  }
  return y;
}

void CpuBackend::copy_rows(Tensor& to, int64_t first_row, const Tensor& from) {
  const int64_t end = first_row + from.dim(0);
  OWL3_CHECK(from.dtype() == to.dtype() && from.row_size() == to.row_size() && end <= to.dim(0));
  std::memcpy(to.rows(first_row, end).raw(), from.raw(), from.size_bytes());
}

Tensor CpuBackend::embedding(const Tensor& table, std::span<const int32_t> ids) {
  const int64_t width = table.dim(1);
  Tensor y = allocate(DType::kF32, {static_cast<int64_t>(ids.size()), width});
  for (size_t t = 0; t < ids.size(); ++t) {
    OWL3_CHECK(ids[t] >= 0 && ids[t] < table.dim(0));
    const auto* row = table.data<std::byte>() + bytes_of(table.dtype(), ids[t] * width);
    kernels_->to_float(cpu::storage_of(table.dtype()), row,
                       y.f32() + static_cast<int64_t>(t) * width, width);
  }
  return y;
}

template <typename RowOperation>
Tensor CpuBackend::rows_for_product(const Tensor& x, const RowOperation& operation) {
  const int64_t n = x.row_size();
  Tensor y = allocate(product_input(x.dim(0)), x.shape());
  for_rows(x.dim(0), n, [&](int64_t first, int64_t last) {
    std::vector<float> buffer(y.dtype() == DType::kBF16 ? static_cast<size_t>(n) : 0);
    for (int64_t row = first; row < last; ++row) {
      if (y.dtype() == DType::kF32) {
        operation(x.f32() + row * n, y.f32() + row * n);
      } else {
        operation(x.f32() + row * n, buffer.data());
        kernels_->to_bf16(buffer.data(), y.data<uint16_t>() + row * n, n);
      }
    }
  });
  return y;
}

Tensor CpuBackend::rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  const int64_t n = x.row_size();
  OWL3_CHECK(weight.size() == n);
  return rows_for_product(x, [&](const float* row, float* normed) {
    kernels_->rms_norm(row, weight.f32(), static_cast<float>(eps), normed, n);
  });
}

Tensor CpuBackend::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                              double eps) {
  const int64_t n = x.row_size();
  OWL3_CHECK(weight.size() == n && bias.size() == n);
  return rows_for_product(x, [&](const float* row, float* normed) {
    kernels_->layer_norm(row, weight.f32(), bias.f32(), static_cast<float>(eps), normed, n);
  });
}

Tensor CpuBackend::swiglu(const Tensor& gate, const Tensor& up) {
  const int64_t n = gate.row_size();
  return rows_for_product(gate, [&](const float* row, float* product) {
    const float* up_row = up.f32() + (row - gate.f32());
    kernels_->silu_multiply(row, up_row, product, n);
  });
}

void CpuBackend::add_repeated(Tensor& x, const Tensor& y) {
  const int64_t n = x.row_size();
  for_rows(x.dim(0), n, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      kernels_->add(x.f32() + row * n, y.f32() + (row % y.dim(0)) * n, n);
    }
  });
}

void CpuBackend::note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) {
  const int64_t n = x.row_size();
  std::atomic<bool> finite = true;
  for_rows(x.dim(0), n, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      // A sum of squares keeps NaN, and infinities as what they are.
      if (!std::isfinite(kernels_->sum_of_squares(x.f32() + row * n, n))) finite = false;
    }
  });
  flags.f32()[index] = finite ? 1 : 0;
}

Tensor CpuBackend::patches(const Tensor& pixel_values, int64_t patch_size) {
  const int64_t images = pixel_values.dim(0);
  const int64_t channels = pixel_values.dim(1);
  const int64_t size = pixel_values.dim(2);
  const int64_t side = size / patch_size;
  const int64_t width = channels * patch_size * patch_size;
  Tensor y = allocate(DType::kF32, {images * side * side, width});
  for_rows(images * side * side, width, [&](int64_t first, int64_t last) {
    for (int64_t patch = first; patch < last; ++patch) {
      const int64_t image = patch / (side * side);
      const int64_t top = patch / side % side * patch_size;
      const int64_t left = patch % side * patch_size;
      float* out = y.f32() + patch * width;
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t row = 0; row < patch_size; ++row, out += patch_size) {
          const float* in =
              pixel_values.f32() + ((image * channels + c) * size + top + row) * size + left;
          std::memcpy(out, in, static_cast<size_t>(patch_size) * sizeof(float));
        }
      }
    }
  });
  return y;
}

Tensor CpuBackend::rope_table(int64_t positions, int64_t d, double theta) {
  Tensor table = make_tensor(DType::kF32, {positions, d});
  const int64_t half = d / 2;
  for (int64_t i = 0; i < half; ++i) {
    // float32 throughout, as the reference computes its angles
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(d);
    const float frequency = 1.0f / std::pow(static_cast<float>(theta), exponent);
    for (int64_t t = 0; t < positions; ++t) {
      const float angle = static_cast<float>(t) * frequency;
      table.f32()[t * d + i] = std::cos(angle);
      table.f32()[t * d + half + i] = std::sin(angle);
    }
  }
  return table;
}

Tensor CpuBackend::rotate(const Tensor& x, const Tensor& rope, std::span<const int32_t> positions) {
  const int64_t heads = x.dim(1);
  const int64_t d = x.dim(2);
  OWL3_CHECK(static_cast<int64_t>(positions.size()) == x.dim(0) && rope.dim(1) == d);
  Tensor y = allocate(DType::kF32, x.shape());
  for_rows(x.dim(0), heads * d, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t) {
      const int32_t position = positions[static_cast<size_t>(t)];
      OWL3_CHECK(position < rope.dim(0));
      const float* angles = rope.f32() + position * d;
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t offset = (t * heads + head) * d;
        kernels_->rotate(x.f32() + offset, angles, angles + d / 2, y.f32() + offset, d);
      }
    }
  });
  return y;
}

Tensor CpuBackend::join_softmax(const AttentionPart& a, const AttentionPart& b) {
  const int64_t rows = a.log_sum_exp.size();
  const int64_t d = a.out.dim(2);
  Tensor y = allocate(DType::kF32, a.out.shape());
  for_rows(rows, d, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const float difference = b.log_sum_exp.f32()[row] - a.log_sum_exp.f32()[row];
      // Of the whole denominator; 0 of a part that sees no key.
      const float share_b = 1.0f / (1.0f + std::exp(-difference));
      const float* from_a = a.out.f32() + row * d;
      const float* from_b = b.out.f32() + row * d;
      float* out = y.f32() + row * d;
      for (int64_t i = 0; i < d; ++i) out[i] = from_a[i] + share_b * (from_b[i] - from_a[i]);
    }
  });
  return y;
}

Tensor CpuBackend::mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                               const Tensor& gate) {
  const int64_t heads = text.out.dim(1);
  const int64_t d = text.out.dim(2);
  OWL3_CHECK(gate.size() == heads * d);
  Tensor y = allocate(DType::kF32, text.out.shape());
  for_rows(text.log_sum_exp.size(), d, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const bool sees_image = visual.log_sum_exp.f32()[row] != -INFINITY;
      const float* g = gate.f32() + row % heads * d;
      const float* from_text = text.out.f32() + row * d;
      const float* from_visual = visual.out.f32() + row * d;
      float* out = y.f32() + row * d;
      for (int64_t i = 0; i < d; ++i) {
        const float share = sees_image ? g[i] : 0.0f;
        out[i] = (1.0f - share) * from_text[i] + share * from_visual[i];
      }
    }
  });
  return y;
}

}  // namespace owl3
