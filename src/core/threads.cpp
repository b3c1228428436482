#include "core/threads.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include "core/error.h"

namespace owl3 {

int available_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void check_threads(int threads) {
  constexpr int kMost = 1024;
  if (threads >= 0 && threads <= kMost) return;
  throw UsageError(fmt::format("{} threads: must be 0 (all cores) to {}", threads, kMost));
}

void set_library_threads([[maybe_unused]] int threads) {
#ifdef _OPENMP
  omp_set_num_threads(threads);
#endif
}

}  // namespace owl3
