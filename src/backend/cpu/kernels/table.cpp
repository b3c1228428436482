// The dispatch table of one instruction set.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

#define OWL3_STRING_OF(x) #x
#define OWL3_STRING(x) OWL3_STRING_OF(x)

namespace owl3::cpu::OWL3_ISA {

const Kernels& table() {
  static const Kernels kernels = {
    .name = OWL3_STRING(OWL3_ISA),
#if defined(__AVX512BF16__)
    .bf16_dot = true,
#else
    .bf16_dot = false,
#endif
#if defined(__AVX2__) && !defined(__AVX512F__)  // and no VNNI (table_of_products.cpp)
    .fastest_int8_in_blocks = true,
#else
    .fastest_int8_in_blocks = false,
#endif
    .panel_columns = kPanelColumns,
    .vector_width = kWidth,
    .pack_panel = pack_panel,
    .multiply_panel = multiply_panel,
    .multiply_small = multiply_small,
    .matvec = matvec,
#if defined(__AVX512BF16__)
    .matvec_bf16 = matvec_bf16,
#else
    .matvec_bf16 = nullptr,
#endif
    .prepared_bytes = prepared_bytes,
    .prepare_input = prepare_input,
    .matvec_quantised = matvec_quantised,
#if defined(__AVX2__)
    .product_scratch_bytes = product_scratch_bytes,
    .product_quantised = product_quantised,
#else
    .product_scratch_bytes = nullptr,
    .product_quantised = nullptr,
#endif
    .expand_bf16 = expand_bf16,
    .to_float = to_float,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .expand_int8 = expand_int8,
    .multiply_pairs = multiply_pairs,
    .scale_columns = scale_columns,
    .round_query = round_query,
    .attend_few_rows = attend_few_rows,
#if defined(__AVX512BF16__)
    .weigh_keys = weigh_keys,
#else
    .weigh_keys = nullptr,
#endif
    .softmax_step = softmax_step,
    .round_int8 = round_int8,
    .scale_sums = scale_sums,
    .to_bf16 = to_bf16,
    .sum_of_squares = sum_of_squares,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .gelu_tanh = gelu_tanh,
    .silu_multiply = silu_multiply,
    .add = add,
    .rotate = rotate,
  };
  return kernels;
}

}  // namespace owl3::cpu::OWL3_ISA
