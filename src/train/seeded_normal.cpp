#include "train/seeded_normal.h"

#include <torch/torch.h>

#include "formats/random_weights.h"

namespace owl3::train {

torch::Tensor seeded_normal(at::IntArrayRef sizes, const std::string& name, uint64_t seed,
                            double deviation) {
  torch::Tensor values = torch::empty(sizes, torch::kFloat32);
  fill_random(DType::kF32, values.data_ptr(), 0, values.numel(), random_key(seed, name),
              static_cast<float>(deviation));
  return values;
}

}  // namespace owl3::train
