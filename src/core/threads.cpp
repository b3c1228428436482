#include "core/threads.h"

namespace owl3 {

int available_threads() { return omp_get_max_threads(); }

}  // namespace owl3
