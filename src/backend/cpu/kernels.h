// The CPU kernels: single-threaded pieces of work on raw pointers, compiled once per instruction
// set from the same sources (kernels/*.cpp) and chosen at run time. Threads, shapes and memory are
// the business of the operations above them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/key_value_layout.h"

namespace owl3::cpu {

/// How weight or cache elements are stored; the last four in ggml's blocks (core/block_layouts.h).
enum class Storage { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ6_K };

/// A step of a few queries over up to kFewRowsKeys packed keys, a multiple of kKeysPerBlock.
/// Row r counts those that lie before limits[r].
inline constexpr int64_t kFewRowsKeys = 128;
struct FewRowsStep {
  int64_t rows, d;
  int64_t first_key, keys;
  const uint32_t* queries;  // [rows, padded_head_size(d)/2]: times 1/sqrt(d), by round_query
  const void* k;            // of one head, from the step's first key
  const void* v;
  const void* next_k;  // the keys and values that are wanted next, perhaps of another block
  const void* next_v;
  const float* key_scales;  // [keys] where keys and values are in int8, else nullptr
  const float* value_scales;
  const float* query_scales;  // [rows], with key_scales
  const int32_t* limits;      // [rows]
  float* maxima;              // [rows]: the online softmax so far
  float* sums;                // [rows]
  float* out;                 // [rows, padded_head_size(d)]
};

/// A step of many queries, the lanes of up to two vectors, over packed keys in bf16.
/// Row r counts those that lie before limits[r].
struct ManyRowsStep {
  int64_t rows;    // one or two times vector_width
  int64_t stride;  // between pairs of queries, and channels of out
  int64_t d, pairs;
  int64_t first_key, keys;  // a multiple of kKeysPerBlock
  const uint32_t* queries;  // [pairs, stride]
  float scale;              // of scores: 1/sqrt(d)
  const uint32_t* k;        // of one head, from the step's first key
  const float* key_scales;  // [keys] where keys and values were in int8, else nullptr
  const float* value_scales;
  const int32_t* limits;  // [rows]
  float* maxima;          // [rows]: the online softmax so far, relative to scores near the largest
  float* sums;            // [rows]
  float* out;             // [d, stride]: so far
  uint32_t* weights;      // [keys/2, rows]: of this step, in pairs, as a result
  const std::byte* next_k;  // to be fetched meanwhile, so many bytes of each
  const std::byte* next_v;
  int64_t fetched;
};

struct Kernels {
  const char* name;
  /// Whether the processor multiplies bf16 pairs; else they are taken apart first.
  bool bf16_dot;
  /// Whether the products below of weights in blocks are faster than oneDNN's in int8.
  bool fastest_int8_in_blocks;
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
  /// y[i, n] (+)= x[i] . w[n] for i < m <= kFewRows and n < rows.
  void (*matvec)(Storage storage, const void* weights, int64_t ldw, int64_t rows, int64_t k,
                 const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy, bool accumulate);
  /// The same with both in bf16; nullptr without bf16_dot. Fast where x lies as the weights do, as
  /// many bytes behind a multiple of 64.
  void (*matvec_bf16)(const uint16_t* weights, int64_t ldw, int64_t rows, int64_t k,
                      const uint16_t* x, int64_t ldx, int64_t m, float* y, int64_t ldy,
                      bool accumulate);

  // --- prepare_input.cpp
  /// Bytes of m rows of k inputs prepared for products with quantised weights; at most kFewRows
  /// without product_quantised.
  size_t (*prepared_bytes)(int64_t m, int64_t k);
  /// Prepares x [count, k], rows first.. of m, for weights of that storage: rounded to int8, once
  /// for all rows of weights. Fast where rows come kPreparedTogether at a time, from a multiple of
  /// it on.
  void (*prepare_input)(Storage storage, const float* x, int64_t k, int64_t first, int64_t count,
                        int64_t m, void* prepared);

  // --- matvec_quantised.cpp, few_quantised.cpp
  /// y[i, n] (+)= x[i] . w[n] for i < m <= kFewRows and n < rows; weights [rows, k] in blocks, x
  /// the m prepared rows.
  void (*matvec_quantised)(Storage storage, const void* weights, int64_t rows, int64_t k,
                           const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate);

  // --- product_quantised.cpp
  /// Bytes of working memory that product_quantised wants.
  size_t (*product_scratch_bytes)(int64_t m);
  /// The same, to the same bits, with more than kFewRows rows of x; nullptr without int8 products.
  void (*product_quantised)(Storage storage, const void* weights, int64_t rows, int64_t k,
                            const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate,
                            void* scratch);

  // --- expand.cpp
  /// n values of any storage (whole blocks) to bf16.
  void (*expand_bf16)(Storage storage, const void* x, uint16_t* y, int64_t n);
  /// The same to float32.
  void (*to_float)(Storage storage, const void* x, float* y, int64_t n);

  // --- attention.cpp
  /// Rows x [count, d] with the given stride, rounded to bf16, as keys first.. of one head's block.
  void (*pack_keys)(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
                    uint16_t* keys);
  void (*pack_values)(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
                      uint16_t* values);
  /// n int8 values, a multiple of 16, to bf16: exact.
  void (*expand_int8)(const int8_t* x, uint16_t* y, int64_t n);
  /// c[m, n] (+)= a * b over pairs of bf16, a(i, p) at a[i * row_stride + p * pair_stride], b
  /// [pairs, n], n a multiple of vector_width.
  void (*multiply_pairs)(int64_t m, int64_t n, int64_t pairs, const uint32_t* a, int64_t row_stride,
                         int64_t pair_stride, const uint32_t* b, int64_t ldb, float* c, int64_t ldc,
                         bool accumulate);
  /// x[i, j] *= scales[j] for x [rows, n], n a multiple of vector_width; unless all scales are 1.
  void (*scale_columns)(float* x, int64_t rows, int64_t n, int64_t ldx, const float* scales);

  // --- attention_few.cpp
  /// Rounds a query x [n], n a multiple of 16, as it meets keys in bf16 or int8; returns what it
  /// must be multiplied by.
  float (*round_query)(const float* x, int64_t n, bool int8, uint32_t* pairs);
  void (*attend_few_rows)(const FewRowsStep& step);

  // --- attention_many.cpp
  /// The weights of a step's keys, and all that has been summed so far relative to the maxima that
  /// they are; out gets the weighted values by multiply_pairs. nullptr without bf16_dot.
  void (*weigh_keys)(const ManyRowsStep& step);

  // --- softmax.cpp
  /// One step of the online softmax over scores [keys, rows] (rows a multiple of vector_width):
  /// key j counts for row r when first_key + j < limits[r]. Scores become weights; maxima and sums
  /// are updated, and scales[r] is what the row's earlier output must be multiplied by.
  void (*softmax_step)(float* scores, int64_t keys, int64_t rows, int64_t first_key,
                       const int32_t* limits, float* maxima, float* sums, float* scales);

  // --- pointwise.cpp
  /// Rounds x [n] to int8 by its largest magnitude; returns the scale, NaN where x holds NaN.
  float (*round_int8)(const float* x, int64_t n, int8_t* rounded);
  /// y = sums * row_scale * scales + bias (or without)
  void (*scale_sums)(const int32_t* sums, float row_scale, const float* scales, const float* bias,
                     float* y, int64_t n);
  void (*to_bf16)(const float* x, uint16_t* y, int64_t n);
  float (*sum_of_squares)(const float* x, int64_t n);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int64_t n);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y,
                     int64_t n);
  void (*gelu_tanh)(float* x, int64_t n);
  /// y = silu(gate) * up
  void (*silu_multiply)(const float* gate, const float* up, float* y, int64_t n);
  void (*add)(float* y, const float* x, int64_t n);
  /// y = rotary embedding of x [d], with cosines [d/2] and sines [d/2].
  void (*rotate)(const float* x, const float* cosines, const float* sines, float* y, int64_t d);
};

/// Products of up to so many rows of x are the matrix-vector kernels'.
inline constexpr int64_t kFewRows = 32;

/// Rows that may share cache lines once they are prepared: 4 or 6 of them do.
inline constexpr int64_t kPreparedTogether = 12;

/// The best table this machine can run.
const Kernels& best_kernels();
/// All tables this machine can run, plainest first, for tests and comparisons.
struct KernelList {
  const Kernels* tables[6];
  int count;
};
KernelList runnable_kernels();

}  // namespace owl3::cpu
