// A training file looked through before it is trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/sample.h"

namespace owl3 {

struct CheckOptions {
  SampleOptions sample;
  std::filesystem::path media_root;  // empty: the folder of the file
  /// Whether images and films are there, and images are images by their headers.
  bool look_at_media = true;
  size_t most_errors = 20;  // listed; all are counted
  int workers = 2;
};

struct CheckReport {
  int64_t rows = 0;
  int64_t broken = 0;
  // Of the rows that are not:
  int64_t documents = 0;
  int64_t answers = 0;  // learnt
  int64_t images = 0;
  int64_t videos = 0;
  std::vector<std::string> errors;  // "file.jsonl:17: ...", the first of each broken row
};

/// Throws InputError when the file can't be read at all.
CheckReport check_training_file(const std::filesystem::path& path, const CheckOptions& options);

}  // namespace owl3
