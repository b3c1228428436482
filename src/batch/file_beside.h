// Files beside somebody's pictures and films: never in the place of one that is there.
#pragma once

#include <filesystem>
#include <string_view>

namespace owl3 {

/// Whether anything has that name, a link to nothing too.
bool is_there(const std::filesystem::path& path);

/// Whether it is a file that can be read and has just this text.
bool has_text(const std::filesystem::path& path, std::string_view text);

/// Writes a file, whole, where nothing has its name. What has it stays as it is, and where that is
/// not the same text this is false. Throws NoRoomLeft and InputError.
bool write_beside(const std::filesystem::path& path, std::string_view text);

}  // namespace owl3
