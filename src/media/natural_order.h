// The order in which people expect files.
#pragma once

#include <filesystem>
#include <vector>

namespace owl3 {

bool naturally_before(const std::filesystem::path& a, const std::filesystem::path& b);

/// Natural order: "2.png" before "10.png", letters without their case.
void sort_naturally(std::vector<std::filesystem::path>& paths);

}  // namespace owl3
