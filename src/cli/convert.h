// What `owl3 convert` does, for whoever else has a model to convert.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "owl3/options.h"

namespace owl3::cli {

struct ConvertArguments {
  std::string model;
  std::string out;
  std::string type;
  std::string vision = "bf16";
  std::vector<std::string> keep;
  std::vector<LoraOptions> lora;
  int threads = 0;
  bool force = false;
};

/// The types of --type: "bf16", "q8_0", ...
const std::vector<std::string>& conversion_types();

/// Writes the file, with progress, and prints what it is. Throws Interrupted, InputError,
/// UsageError.
void convert(const ConvertArguments& arguments);
/// The same without a word, for a command that has its own.
void convert_silently(const ConvertArguments& arguments, const ProgressCallback& progress);

/// Bytes of the weights that it would write.
uint64_t converted_weight_bytes(const ConvertArguments& arguments);

}  // namespace owl3::cli
