// Fuzzes the reader of recipes, and writes again what it accepts. InputError is the only way out.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "runs/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto recipe = to_json(owl3::parse_recipe(text, "fuzz"));
    if (owl3::to_yaml(recipe).empty()) __builtin_trap();
  } catch (const owl3::InputError&) {
    // Refused, as most inputs are.
  }
  return 0;
}
