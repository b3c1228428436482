// `owl3 memory list`: what is in a memory file, a line for each photo and each frame of a film.
#pragma once

#include <string>

#include "owl3/saved_memory.h"

namespace owl3::cli {

void list_memory(const std::string& path, const MemorySelection& which, bool as_json);

}  // namespace owl3::cli
