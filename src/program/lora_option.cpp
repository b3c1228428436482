#include "program/lora_option.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "program/number_option.h"

namespace owl3 {

namespace {

constexpr double kLargestScale = 1000;

}  // namespace

LoraOptions parse_lora(const std::string& text) {
  const size_t equals = text.rfind('=');
  std::error_code error;
  // A folder's name may hold a '='.
  if (equals == std::string::npos || std::filesystem::exists(text, error)) return {text};
  const std::string number = text.substr(equals + 1);
  const std::optional<double> scale = decimal<double>(number);
  if (!scale || std::fabs(*scale) > kLargestScale) {
    throw UsageError(
        fmt::format("--lora {}: \"{}\" is no scale; give FOLDER, or FOLDER=NUMBER", text, number));
  }
  return {text.substr(0, equals), *scale};
}

CLI::Option* add_lora_option(CLI::App& command, std::vector<LoraOptions>& adapters) {
  return command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&adapters](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) adapters.push_back(parse_lora(text));
          },
          "Lay a LoRA adapter over the model: a folder in PEFT's layout; repeatable")
      ->allow_extra_args(false)
      ->type_name("FOLDER[=SCALE]");
}

}  // namespace owl3
