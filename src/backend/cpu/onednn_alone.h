// oneDNN kept to the thread that calls it.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

namespace owl3::cpu {

/// While it lives, what oneDNN makes and runs for the calling thread stays on this thread: work is
/// divided by parallel_for, whose threads sleep when they are idle. OpenMP's, which oneDNN would
/// divide it over, look out for work busily, in whatever else the process does. The number set
/// belongs to the calling thread, possibly one of a host program, so it becomes again what it was.
class OneDnnAlone {
 public:
#ifdef _OPENMP
  OneDnnAlone() : threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);
  }
  ~OneDnnAlone() {
    omp_set_num_threads(threads_);
  }
#else
  OneDnnAlone() = default;
#endif
  OneDnnAlone(const OneDnnAlone&) = delete;
  OneDnnAlone& operator=(const OneDnnAlone&) = delete;

#ifdef _OPENMP
 private:
  int threads_;
#endif
};

}  // namespace owl3::cpu
