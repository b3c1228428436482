#include "core/threads.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace owl3 {

int available_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void set_library_threads([[maybe_unused]] int threads) {
#ifdef _OPENMP
  omp_set_num_threads(threads);
#endif
}

}  // namespace owl3
