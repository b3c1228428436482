// Holding the engine against a folder of golden data: a checkpoint with the outputs of another
// implementation (tests/data/model/README.md describes the format).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/owl3_model.h"

namespace owl3 {

/// What must hold. Weights as the golden's own: float32 by absolute differences and identical
/// greedy tokens, bf16 by directions of logits rows, and greedy tokens unless the engine itself
/// sees them closer than `margin`. Weights of fewer bits: directions, and how often the likeliest
/// token is the golden's, over all prompts.
struct GoldenTolerance {
  double max_difference;  // of logits, hidden states, features; infinity: not held
  double min_cosine;      // of each logits row
  double margin;
  double min_top1;  // of all tokens compared; nothing below 1 holds every single prompt to it

  /// `weights`: the type with the fewest bits in the file.
  static GoldenTolerance of(const ModelOptions& options, DType weights);
};

struct GoldenOptions {
  ModelOptions model_options;
  bool splits = true;           // also cut in two at every position and token by token
  std::filesystem::path model;  // runs the prompts instead of the folder's own checkpoint
  std::optional<double> min_cosine, min_top1;  // in place of the built-in floors
};

struct GoldenResult {
  std::string name;  // a prompt's, or "vision_features", "image_embeds"
  double max_difference = 0;
  double min_cosine = 1;
  double split_difference = 0;  // largest logits difference between ways of cutting the prefill
  int greedy_tokens = 0;        // compared
  int greedy_matches = 0;       // equal, or within the margin
  int top1_tokens = 0;          // places where the likeliest token was compared, margin or not
  int top1_matches = 0;
  bool passed = true;
};

struct GoldenReport {
  Precision precision;
  GoldenTolerance tolerance;
  std::vector<GoldenResult> results;

  /// The share of tokens whose likeliest is the golden's.
  double top1() const;
  double min_cosine() const;
  bool passed() const;
};

/// The type with the fewest bits among the checkpoint's matrices.
DType smallest_type(const Checkpoint& checkpoint);

/// Runs every prompt of the folder, on the backend that the options ask for. Throws InputError when
/// the folder is not of the format, or the model is another than its.
GoldenReport check_golden(const std::filesystem::path& folder, const GoldenOptions& options);
GoldenReport check_golden(const std::filesystem::path& folder, const GoldenOptions& options,
                          std::unique_ptr<Backend> backend);

}  // namespace owl3
