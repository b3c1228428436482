// --only, --from and --to: what of a memory file is meant.
#pragma once

#include <string>

#include "owl3/saved_memory.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// Adds them under the heading `group` of the help; none where that is empty.
void add_selection_options(CLI::App& command, MemorySelection& selection, const std::string& group);

}  // namespace owl3::cli
