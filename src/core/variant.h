// The two architectures of released mPLUG-Owl3 checkpoints.
#pragma once

#include <string_view>

namespace owl3 {

/// kGated: 1B-241014, 2B-241014, 7B-240728. Two softmaxes, mixed by a learned gate.
/// kUnified: 7B-241101. One softmax over visual and text keys.
enum class Variant { kGated, kUnified };

inline std::string_view name_of(Variant variant) {
  return variant == Variant::kGated ? "gated" : "unified";
}

/// MI-RoPE: an image is seen from, and its keys are rotated by, the position of its token (unified)
/// or the one behind it (gated).
inline constexpr int image_position_offset(Variant variant) {
  return variant == Variant::kUnified ? 0 : 1;
}

}  // namespace owl3
