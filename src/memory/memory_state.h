// What a memory file says it holds: its headers, and the catalogue that they lead to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "memory/catalogue.h"
#include "memory/memory_header.h"

namespace owl3 {

struct MemoryState {
  MemoryHeader header;
  std::optional<MemoryHeader> older;  // the other header, where that is whole
  Catalogue catalogue;
  uint64_t size = 0;  // of the file
  /// Damage that was got around, a line each, without the file's name.
  std::vector<std::string> damage;
};

/// Reads up to so many bytes at an offset; fewer where the file ends. Throws InputError.
std::vector<std::byte> read_at(int descriptor, uint64_t offset, uint64_t bytes,
                               const std::filesystem::path& path);

uint64_t size_of_file(int descriptor, const std::filesystem::path& path);

/// Of an open file, also while another process changes it. Throws InputError where it is no memory,
/// or no catalogue is whole.
MemoryState read_memory_state(int descriptor, const std::filesystem::path& path);

}  // namespace owl3
