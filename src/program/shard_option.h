// --shard K/N: a part of the work for one of several machines.
#pragma once

#include <string>

#include "core/shard.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace owl3 {

/// Sets `shard`, which must outlive the parsing.
CLI::Option* add_shard_option(CLI::App& command, Shard& shard, const std::string& what);

}  // namespace owl3
