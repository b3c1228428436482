// Holding the engine against a folder of golden data: a checkpoint with the outputs of another
// implementation (tests/data/model/README.md describes the format).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/owl3_model.h"

namespace owl3::cli {

/// What must hold. float32: absolute differences and identical greedy tokens. bf16: directions of
/// logits rows, and greedy tokens unless the engine itself sees them closer than `margin`.
struct GoldenTolerance {
  double max_difference;  // of logits, hidden states, features; infinity: not held
  double min_cosine;      // of each logits row
  double margin;

  static GoldenTolerance of(Precision precision);
};

struct GoldenResult {
  std::string name;  // a prompt's, or "vision_features", "image_embeds"
  double max_difference = 0;
  double min_cosine = 1;
  double split_difference = 0;  // largest logits difference between ways of cutting the prefill
  int greedy_tokens = 0;        // compared
  int greedy_matches = 0;       // equal, or within the margin
  bool passed = true;
};

struct GoldenReport {
  Precision precision;
  std::vector<GoldenResult> results;
  bool passed() const;
};

/// Runs every prompt of the folder; with `splits`, also cut in two at every position and token by
/// token. Throws InputError when the folder is not of the format.
GoldenReport check_golden(const std::filesystem::path& folder, Precision precision, int threads,
                          bool splits);

}  // namespace owl3::cli
