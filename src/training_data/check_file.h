// A training file looked through before it is trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "training_data/sample.h"

namespace owl3 {

/// How closely media are looked at: not at all; whether they are there, and images are images by
/// their headers; or decoded, images whole and the frames of films that a model would be shown.
enum class MediaCheck { kNone, kHeaders, kDecode };

struct CheckOptions {
  SampleOptions sample;
  std::filesystem::path media_root;  // empty: the folder of the file
  MediaCheck media = MediaCheck::kDecode;
  size_t most_errors = 20;  // listed; all are counted
  int workers = 2;
  /// Told how many of how many rows are done; false ends the check.
  std::function<bool(int64_t done, int64_t total)> go_on = [](int64_t, int64_t) { return true; };
};

struct CheckReport {
  int64_t rows = 0;   // looked at
  bool whole = true;  // false: ended by go_on
  int64_t broken = 0;
  // Of the rows that are not:
  int64_t documents = 0;
  int64_t answers = 0;  // learnt
  int64_t images = 0;
  int64_t videos = 0;
  MediaLineCount media_lines;
  std::vector<std::string> errors;  // "file.jsonl:17: ...", the first of each broken row
};

/// Throws InputError when the file can't be read at all.
CheckReport check_training_file(const std::filesystem::path& path, const CheckOptions& options);

}  // namespace owl3
