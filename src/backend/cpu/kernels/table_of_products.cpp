// The dispatch table of an instruction set that has nothing over AVX2 but int8 dot products.
#include "backend/cpu/kernels/kernels_internal.h"

#define OWL3_STRING_OF(x) #x
#define OWL3_STRING(x) OWL3_STRING_OF(x)

namespace owl3::cpu {

namespace avx2 {
const Kernels& table();
}

namespace OWL3_ISA {

const Kernels& table() {
  static const Kernels kernels = [] {
    Kernels own = avx2::table();
    own.name = OWL3_STRING(OWL3_ISA);
    own.fastest_int8_in_blocks = false;
    own.prepared_bytes = prepared_bytes;
    own.prepare_input = prepare_input;
    own.matvec_quantised = matvec_quantised;
    own.product_scratch_bytes = product_scratch_bytes;
    own.product_quantised = product_quantised;
    return own;
  }();
  return kernels;
}

}  // namespace OWL3_ISA
}  // namespace owl3::cpu
