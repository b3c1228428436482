// Holding the trainer against a folder of golden data: the losses and gradients of another
// implementation (tests/data/train/README.md describes the format).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace owl3::train {

/// Largest relative differences allowed. Losses drift apart as rounding goes through the optimiser,
/// which divides small gradients by their own size; gradients of step 0 do not.
struct GoldenTrainingTolerance {
  double loss = 2e-3;
  double gradient_norm = 2e-3;
  double global_norm = 1e-2;
};

struct GoldenComparison {
  std::string name;
  double expected = 0;
  double found = 0;
  double allowed = 0;

  double difference() const;  // relative
  bool passed() const { return difference() <= allowed; }
};

struct GoldenTrainingReport {
  int stage = 0;
  std::vector<GoldenComparison> losses, global_norms;  // by step
  std::vector<GoldenComparison> gradient_norms;        // by tensor, step 0
  std::vector<std::string> only_theirs, only_ours;     // names of trained tensors

  bool passed() const;
};

/// Trains the model for as many steps as the golden has. `model` empty: the checkpoint that stands
/// beside the folder under its name without "-stageN", in a folder "model".
GoldenTrainingReport check_golden_training(const std::filesystem::path& folder,
                                           const std::filesystem::path& model,
                                           const GoldenTrainingTolerance& tolerance = {});

}  // namespace owl3::train
