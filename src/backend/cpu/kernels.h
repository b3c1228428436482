// The CPU kernels: single-threaded pieces of work on raw pointers, compiled once per instruction
// set from the same sources (kernels/*.cpp) and chosen at run time. Threads, shapes and memory are
// the business of the operations above them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace owl3::cpu {

/// How weight or cache elements are stored.
enum class Storage { kF32, kF16, kBF16 };

struct Kernels {
  const char* name;
  /// Columns of one packed weight panel; floats in a vector.
  int64_t panel_columns;
  int64_t vector_width;

  // --- gemm.cpp
  /// Expands weights [columns <= panel_columns, k] with row stride ldw into the panel
  /// [k, panel_columns] float32, zeros behind the last column.
  void (*pack_panel)(Storage storage, const void* weights, int64_t ldw, int64_t columns, int64_t k,
                     float* panel);
  /// c[m, columns] (+)= a[m, k] * panel[k, panel_columns].
  void (*multiply_panel)(int64_t m, int64_t k, const float* a, int64_t lda, const float* panel,
                         float* c, int64_t ldc, int64_t columns, bool accumulate);
  /// c[m, n] (+)= a * b with a(i, k) at a[i * row_stride + k * k_stride], b [k, n], n a multiple of
  /// vector_width.
  void (*multiply_small)(int64_t m, int64_t n, int64_t k, const float* a, int64_t row_stride,
                         int64_t k_stride, const float* b, int64_t ldb, float* c, int64_t ldc,
                         bool accumulate);

  // --- matvec.cpp
  /// y[i, n] = x[i] . w[n] for i < m <= kMaxMatvecRows and n < rows.
  void (*matvec)(Storage storage, const void* weights, int64_t ldw, int64_t rows, int64_t k,
                 const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy);

  // --- softmax.cpp
  /// One step of the online softmax over scores [keys, rows] (rows a multiple of vector_width):
  /// key j counts for row r when first_key + j < limits[r]. Scores become weights; maxima and sums
  /// are updated, and scales[r] is what the row's earlier output must be multiplied by.
  void (*softmax_step)(float* scores, int64_t keys, int64_t rows, int64_t first_key,
                       const int32_t* limits, float* maxima, float* sums, float* scales);

  // --- pointwise.cpp
  void (*to_float)(Storage storage, const void* x, float* y, int64_t n);
  void (*to_bf16)(const float* x, uint16_t* y, int64_t n);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int64_t n);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y,
                     int64_t n);
  void (*gelu_tanh)(float* x, int64_t n);
  void (*silu_multiply)(float* gate, const float* up, int64_t n);
  void (*add)(float* y, const float* x, int64_t n);
  /// y = rotary embedding of x [d], with cosines [d/2] and sines [d/2].
  void (*rotate)(const float* x, const float* cosines, const float* sines, float* y, int64_t d);
};

inline constexpr int64_t kMaxMatvecRows = 8;

/// The best table this machine can run.
const Kernels& best_kernels();
/// All tables this machine can run, plainest first, for tests and comparisons.
struct KernelList {
  const Kernels* tables[4];
  int count;
};
KernelList runnable_kernels();

}  // namespace owl3::cpu
