// Holding what attention reads from images against a folder of golden data, written by another
// implementation (tests/data/evidence/README.md describes the format).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/owl3_model.h"

namespace owl3 {

struct EvidenceCheckOptions {
  ModelOptions model_options;
  bool splits = true;               // also cut in two at every position, token by token, in company
  std::filesystem::path model;      // in place of the one that the folder names
  std::optional<double> tolerance;  // in place of the precision's own
};

/// A prompt in one hyper layer: the largest absolute differences from the golden data, over all
/// ways of reading it.
struct EvidenceCheck {
  std::string prompt;
  int64_t layer = 0;
  double by_image = 0;
  std::optional<double> by_key;  // where the folder has it
  std::optional<double> gate;
  std::string worst;  // where the largest of them is
  bool passed = true;
};

struct EvidenceReport {
  Precision precision;
  double tolerance = 0;
  std::vector<EvidenceCheck> results;

  bool passed() const;
};

/// Reads every prompt of the folder, on the backend that the options ask for. Throws InputError
/// when the folder is not of the format, or the model is another than its.
EvidenceReport check_evidence(const std::filesystem::path& folder,
                              const EvidenceCheckOptions& options);
EvidenceReport check_evidence(const std::filesystem::path& folder,
                              const EvidenceCheckOptions& options,
                              std::unique_ptr<Backend> backend);

}  // namespace owl3
