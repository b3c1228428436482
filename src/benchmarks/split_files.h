// Files by a name that may stand for several: "data/test-*.parquet", the parts of a split.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace owl3 {

/// The files of that name in a folder, in natural order; a star stands for any characters of the
/// last part of the name. Throws InputError where parts of a split ("test-00000-of-00003...") are
/// there, but not all, or not each once.
std::vector<std::filesystem::path> files_named(const std::filesystem::path& folder,
                                               const std::string& name);

}  // namespace owl3
