#include "formats/conversion_plan.h"

#include <fnmatch.h>

#include <algorithm>

#include "core/error.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

constexpr std::pair<std::string_view, DType> kShortNames[] = {
    {"f32", DType::kF32},   {"f16", DType::kF16},   {"bf16", DType::kBF16}, {"q8_0", DType::kQ8_0},
    {"q6_k", DType::kQ6_K}, {"q4_k", DType::kQ4_K}, {"q4_0", DType::kQ4_0},
};

double bits_per_value(DType type) {
  return 8.0 * static_cast<double>(block_bytes(type)) / static_cast<double>(block_values(type));
}

/// The one with more bits.
DType at_least(DType type, DType least) {
  return bits_per_value(type) < bits_per_value(least) ? least : type;
}

bool is_by_token(const ExpectedTensor& tensor) {
  return tensor.name.ends_with("embed_tokens.weight") || tensor.name.ends_with("lm_head.weight");
}

DType type_by_part(const ExpectedTensor& tensor, const ConversionOptions& options) {
  if (is_kept_plain(tensor)) return DType::kF32;
  switch (tensor.part) {
    case ModelPart::kVision:
      return tensor.name.ends_with("patch_embedding.weight") ? DType::kBF16 : options.vision;
    case ModelPart::kProjector:
    case ModelPart::kHyper:
      return at_least(options.type, DType::kQ8_0);
    case ModelPart::kDecoder:
      return is_by_token(tensor) ? at_least(options.type, DType::kQ6_K) : options.type;
    case ModelPart::kUnused:
      break;
  }
  OWL3_CHECK(false);
}

DType fitting(DType type, const Shape& shape) {
  if (shape.back() % block_values(type) == 0) return type;
  return shape.back() % block_values(DType::kQ8_0) == 0 ? DType::kQ8_0 : DType::kBF16;
}

}  // namespace

std::string_view short_name_of(DType dtype) {
  for (const auto& [name, known] : kShortNames) {
    if (known == dtype) return name;
  }
  OWL3_CHECK(false);
}

std::optional<DType> dtype_of_short_name(std::string_view name) {
  for (const auto& [known, dtype] : kShortNames) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

std::vector<PlannedTensor> plan_conversion(const ModelConfig& config, Variant variant,
                                           const ConversionOptions& options) {
  struct Use {
    bool matches = false;
    bool applies = false;
  };
  std::vector<Use> uses(options.keep.size());
  std::vector<PlannedTensor> plan;
  for (ExpectedTensor& tensor : expected_tensors(config, variant)) {
    DType wanted = type_by_part(tensor, options);
    for (size_t i = 0; i < options.keep.size(); ++i) {
      const KeepRule& rule = options.keep[i];
      if (::fnmatch(rule.pattern.c_str(), tensor.name.c_str(), 0) != 0) continue;
      uses[i].matches = true;
      if (is_kept_plain(tensor) && is_quantised(rule.type)) continue;
      uses[i].applies = true;
      wanted = rule.type;
    }
    const DType type = fitting(wanted, tensor.shape);
    plan.push_back({std::move(tensor.name), std::move(tensor.shape), type, wanted});
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].applies) continue;
    throw UsageError(fmt::format(
        "--keep {}={}: {}", options.keep[i].pattern, short_name_of(options.keep[i].type),
        uses[i].matches ? "matches only vectors and the position embedding, which take "
                          "f32, f16 or bf16"
                        : "matches no tensor of the model"));
  }
  return plan;
}

}  // namespace owl3
