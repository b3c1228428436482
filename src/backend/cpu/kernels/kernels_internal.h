// The kernels of one instruction set, under the namespace OWL3_ISA; described in kernels.h.
#pragma once

#include "backend/cpu/kernels.h"

namespace owl3::cpu::OWL3_ISA {

extern const int64_t kPanelColumns;

void pack_panel(Storage storage, const void* weights, int64_t ldw, int64_t columns, int64_t k,
                float* panel);
void multiply_panel(int64_t m, int64_t k, const float* a, int64_t lda, const float* panel, float* c,
                    int64_t ldc, int64_t columns, bool accumulate);
void multiply_small(int64_t m, int64_t n, int64_t k, const float* a, int64_t row_stride,
                    int64_t k_stride, const float* b, int64_t ldb, float* c, int64_t ldc,
                    bool accumulate);
void matvec(Storage storage, const void* weights, int64_t ldw, int64_t rows, int64_t k,
            const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy, bool accumulate);
void matvec_bf16(const uint16_t* weights, int64_t ldw, int64_t rows, int64_t k, const uint16_t* x,
                 int64_t ldx, int64_t m, float* y, int64_t ldy, bool accumulate);
size_t prepared_bytes(int64_t m, int64_t k);
void prepare_input(Storage storage, const float* x, int64_t k, int64_t first, int64_t count,
                   int64_t m, void* prepared);
void matvec_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                      const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate);
void few_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                   const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate);
size_t product_scratch_bytes(int64_t m);
void product_quantised(Storage storage, const void* weights, int64_t rows, int64_t k,
                       const void* prepared, int64_t m, float* y, int64_t ldy, bool accumulate,
                       void* scratch);
void expand_bf16(Storage storage, const void* x, uint16_t* y, int64_t n);
void to_float(Storage storage, const void* x, float* y, int64_t n);
void pack_keys(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
               uint16_t* keys);
void pack_values(const float* x, int64_t stride, int64_t count, int64_t first, int64_t d,
                 uint16_t* values);
void expand_int8(const int8_t* x, uint16_t* y, int64_t n);
void multiply_pairs(int64_t m, int64_t n, int64_t pairs, const uint32_t* a, int64_t row_stride,
                    int64_t pair_stride, const uint32_t* b, int64_t ldb, float* c, int64_t ldc,
                    bool accumulate);
void scale_columns(float* x, int64_t rows, int64_t n, int64_t ldx, const float* scales);
float round_query(const float* x, int64_t n, bool int8, uint32_t* pairs);
void attend_few_rows(const FewRowsStep& step);
void weigh_keys(const ManyRowsStep& step);
void softmax_step(float* scores, int64_t keys, int64_t rows, int64_t first_key,
                  const int32_t* limits, float* maxima, float* sums, float* scales);
float round_int8(const float* x, int64_t n, int8_t* rounded);
void scale_sums(const int32_t* sums, float row_scale, const float* scales, const float* bias,
                float* y, int64_t n);
void to_bf16(const float* x, uint16_t* y, int64_t n);
float sum_of_squares(const float* x, int64_t n);
void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t n);
void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y,
                int64_t n);
void gelu_tanh(float* x, int64_t n);
void silu_multiply(const float* gate, const float* up, float* y, int64_t n);
void add(float* y, const float* x, int64_t n);
void rotate(const float* x, const float* cosines, const float* sines, float* y, int64_t d);

}  // namespace owl3::cpu::OWL3_ISA
