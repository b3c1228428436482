// What the checks against another implementation's data have in common on the command line: the
// folder, the model, in which precisions, and how what was found is told.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "owl3/options.h"

namespace owl3::cli {

struct GoldenCheckOptions {
  std::string folder;
  std::string model;
  std::string precision = "both";
  int threads = 0;
  bool no_splits = false;
  bool vision_int8 = false;
  bool visual_memory_int8 = false;
  bool json = false;
  std::string device;
};

/// --precision, --threads, --vision-int8, --visual-memory-int8, --device.
void add_golden_check_options(CLI::App& app, GoldenCheckOptions& options);

/// The checkpoint that --model names; nothing where it is not given. What owlet is told to be:
/// "no conversion of DIR".
std::filesystem::path other_model(const GoldenCheckOptions& options, std::string_view owlet_is);

/// A report in one precision, printed already where no JSON is wanted.
struct GoldenCheckReport {
  bool passed = true;
  nlohmann::ordered_json json;
};

/// Calls `check` in each of the precisions asked for, and prints their JSON. Throws Error when one
/// did not pass: that `subject` is out of tolerance.
void check_in_precisions(const GoldenCheckOptions& options, const std::string& subject,
                         const std::function<GoldenCheckReport(const ModelOptions&)>& check);

}  // namespace owl3::cli
