#include "backend/make_backend.h"

#include "backend/cpu/cpu_backend.h"

namespace owl3 {

std::unique_ptr<Backend> make_backend(const ModelOptions& options) {
  CpuOptions cpu;
  cpu.threads = options.threads;
  if (options.precision == Precision::kFloat32) cpu.matrix_product = MatrixProduct::kFloat32;
  return std::make_unique<CpuBackend>(cpu);
}

}  // namespace owl3
