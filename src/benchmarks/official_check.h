// Holding the benchmarks against what the official evaluation gave: prompts, replies as they are
// read, metrics, frames, the plan and submissions (tests/data/eval/README.md describes the files).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// A case whose result is another.
struct OfficialDifference {
  std::string file, name;
  std::string what;  // in one line
};

struct OfficialFileCheck {
  std::string file;
  size_t cases = 0;
  size_t differing = 0;
  size_t faults = 0;  // cases in which the official result is not the intended one
};

struct OfficialReport {
  std::vector<OfficialFileCheck> files;
  std::vector<OfficialDifference> differences;

  bool passed() const { return differences.empty(); }
};

/// Checks the files of a folder that have the official names: answers, metrics, frames, prompts,
/// outputs, plan, submissions, each .jsonl. Throws InputError where there is none of them, or one
/// is no JSONL or has no cases.
OfficialReport check_official(const std::filesystem::path& folder, Compatibility mode);

}  // namespace owl3
