// Room on a disk, asked before long writing begins.
#pragma once

#include <cstdint>
#include <filesystem>

namespace owl3 {

/// Throws InputError when the disk of the existing `folder` has not `bytes` and a little more.
void check_free_space(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace owl3
