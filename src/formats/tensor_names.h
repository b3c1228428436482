// The tensors of an mPLUG-Owl3 checkpoint: the official names and the shapes the config implies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "core/variant.h"
#include "formats/config.h"

namespace owl3 {

/// The parts of the model, as `owl3 info` counts them. kHyper: what hyper layers have beyond an
/// ordinary layer. kUnused: in the released files, but never read.
enum class ModelPart { kVision, kProjector, kDecoder, kHyper, kUnused };

struct ExpectedTensor {
  std::string name;
  Shape shape;
  ModelPart part;
};

/// Whether the model reads it into float32 once: vectors and the position embedding. These have no
/// use for block types.
bool is_kept_plain(const ExpectedTensor& tensor);

/// Every tensor the model reads, in the order of the released files.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config, Variant variant);

/// What the released files hold besides: SigLIP's last layer, final norm and pooling head.
std::vector<ExpectedTensor> unused_tensors(const ModelConfig& config);

/// Whether a tensor is known to be unused, in whatever shape it comes.
bool is_unused_tensor(const ModelConfig& config, std::string_view name);

}  // namespace owl3
