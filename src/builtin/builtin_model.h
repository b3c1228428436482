// A model that is part of the program (CMake's OWL3_BUILTIN_MODEL).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace owl3 {

struct BuiltinModel {
  std::string name;                 // of the file it was, without its ending
  std::span<const std::byte> gguf;  // lives as long as the program
};

/// Nothing in a build without one.
std::optional<BuiltinModel> builtin_model();

}  // namespace owl3
