// Chooses the kernels for the processor that the program finds itself on.
#include "backend/cpu/kernels.h"

namespace owl3::cpu {

namespace baseline {
const Kernels& table();
}
#if defined(__x86_64__)
namespace avx2 {
const Kernels& table();
}
namespace avx2_vnni {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
namespace avx512_vnni {
const Kernels& table();
}
namespace avx512_bf16 {
const Kernels& table();
}
#endif

KernelList runnable_kernels() {
  KernelList list = {{&baseline::table()}, 1};
#if defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi2");
  if (has_avx2) list.tables[list.count++] = &avx2::table();
  if (has_avx2 && __builtin_cpu_supports("avxvnni")) {
    list.tables[list.count++] = &avx2_vnni::table();
  }
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  const bool has_vnni = has_avx512 && __builtin_cpu_supports("avx512vnni");
  if (has_avx512) list.tables[list.count++] = &avx512::table();
  if (has_vnni) list.tables[list.count++] = &avx512_vnni::table();
  if (has_vnni && __builtin_cpu_supports("avx512bf16")) {
    list.tables[list.count++] = &avx512_bf16::table();
  }
#endif
  return list;
}

const Kernels& best_kernels() {
  const KernelList list = runnable_kernels();
  return *list.tables[list.count - 1];
}

}  // namespace owl3::cpu
