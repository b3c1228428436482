#include "owlet/scene.h"

#include "core/error.h"

namespace owl3 {

int half_extent(int size, int half_tangent) {
  const int64_t t = half_tangent < 0 ? -half_tangent : half_tangent;
  // (cos + sin) / 2 with cos = (1 - t^2) / (1 + t^2), sin = 2 t / (1 + t^2)
  const int64_t one = int64_t{1024} * 1024;
  const int64_t sum = one - t * t + 2 * t * 1024;
  return static_cast<int>((size * sum + 2 * (one + t * t) - 1) / (2 * (one + t * t)));
}

}  // namespace owl3
