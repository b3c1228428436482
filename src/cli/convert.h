// What `owl3 convert` does, for whoever else has a model to convert.
#pragma once

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

}  // namespace owl3::cli
