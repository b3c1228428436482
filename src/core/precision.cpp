#include <fmt/format.h>

#include "owl3/error.h"
#include "owl3/options.h"

namespace owl3 {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::kBFloat16:
      return "bf16";
    case Precision::kFloat32:
      return "float32";
    case Precision::kExpanded:
      return "bf16-expanded";
  }
  return "";
}

Precision precision_named(std::string_view name) {
  for (const Precision precision : kPrecisions) {
    if (name == name_of(precision)) return precision;
  }
  throw UsageError(
      fmt::format("precision {}: is none of {}", name, fmt::join(names_of_precisions(), ", ")));
}

std::vector<std::string> names_of_precisions() {
  std::vector<std::string> names;
  for (const Precision precision : kPrecisions) names.emplace_back(name_of(precision));
  return names;
}

}  // namespace owl3
