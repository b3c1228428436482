// The dispatch table of one instruction set.
#include "backend/cpu/kernels/kernels_internal.h"
#include "backend/cpu/kernels/simd.h"

#define OWL3_STRING_OF(x) #x
#define OWL3_STRING(x) OWL3_STRING_OF(x)

namespace owl3::cpu::OWL3_ISA {

const Kernels& table() {
  static const Kernels kernels = {
      .name = OWL3_STRING(OWL3_ISA),
      .panel_columns = kPanelColumns,
      .vector_width = kWidth,
      .pack_panel = pack_panel,
      .multiply_panel = multiply_panel,
      .multiply_small = multiply_small,
      .matvec = matvec,
      .prepared_bytes = prepared_bytes,
      .prepare_input = prepare_input,
      .matvec_quantised = matvec_quantised,
      .expand_bf16 = expand_bf16,
      .to_float = to_float,
      .softmax_step = softmax_step,
      .to_bf16 = to_bf16,
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
