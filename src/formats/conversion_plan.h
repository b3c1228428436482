// Which element type each tensor gets when a checkpoint is made smaller.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/tensor.h"
#include "core/variant.h"
#include "formats/config.h"

namespace owl3 {

/// "f32", "f16", "bf16", "q8_0", "q6_k", "q4_k", "q4_0": the names of the command line.
std::string_view short_name_of(DType dtype);
std::optional<DType> dtype_of_short_name(std::string_view name);

/// Tensors whose name matches the pattern (*, ?, [...]) get that type.
struct KeepRule {
  std::string pattern;
  DType type = DType::kBF16;
};

struct ConversionOptions {
  DType type = DType::kQ4_K;    // of the decoder's matrices
  DType vision = DType::kBF16;  // of the vision encoder's
  std::vector<KeepRule> keep;   // of several that match, the last counts
};

struct PlannedTensor {
  std::string name;
  Shape shape;
  DType type;
  /// What the options ask for; another than `type` where rows are not whole blocks of it.
  DType wanted;
};

/// Every tensor the model reads, with its type:
/// - what is read into float32 once (norms, biases, gates, position embedding): float32;
/// - the patch embedding: bfloat16;
/// - the rest of the vision encoder: `vision`;
/// - projector and v_kv_proj, through which all that is seen passes: q8_0 where `type` is smaller;
/// - embedding and head: q6_k where `type` is smaller. A tied head is read for every token, so q8_0
///   would cost more speed than it gains accuracy;
/// - all other matrices of the decoder: `type`.
/// Where a row is not a whole number of blocks, q4_k and q6_k become q8_0; what is no multiple of
/// 32 stays bfloat16. Throws UsageError for a keep rule that applies to no tensor.
std::vector<PlannedTensor> plan_conversion(const ModelConfig& config, Variant variant,
                                           const ConversionOptions& options);

}  // namespace owl3
