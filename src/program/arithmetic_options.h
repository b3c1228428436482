// The options that say in which precision a model computes, and where.
#pragma once

#include <string>

#include "owl3/options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace owl3 {

/// Adds --precision, --vision-int8, --visual-memory-int8 and --device to the command, under the
/// heading `group` of its help.
void add_arithmetic_options(CLI::App& command, ModelOptions& options, const std::string& group);

/// --device alone.
CLI::Option* add_device_option(CLI::App& command, std::string& device);

}  // namespace owl3
