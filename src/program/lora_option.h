// --lora FOLDER[=SCALE], the same for every command that has it.
#pragma once

#include <string>
#include <vector>

#include "owl3/options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace owl3 {

/// "adapter" or "adapter=0.5". Throws UsageError for what is neither.
LoraOptions parse_lora(const std::string& text);

CLI::Option* add_lora_option(CLI::App& command, std::vector<LoraOptions>& adapters);

}  // namespace owl3
