// The options that say in which precision a model computes, as bench and eval have them.
#pragma once

#include <string>

#include "owl3/options.h"

namespace CLI {
class App;
}

namespace owl3 {

/// Adds --precision, --vision-int8 and --visual-memory-int8 to the command, under the heading
/// `group` of its help.
void add_arithmetic_options(CLI::App& command, ModelOptions& options, const std::string& group);

}  // namespace owl3
