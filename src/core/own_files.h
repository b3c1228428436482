// Files that owl3 writes under names that people choose: each carries a mark in its head, by which
// it is told from what is not owl3's to replace.
#pragma once

#include <filesystem>
#include <string_view>

namespace owl3 {

enum class OwnFile { kConversation, kEvidence, kChart };

/// What the first kilobytes of such a file hold.
std::string_view mark_of(OwnFile kind);

/// Throws InputError where there is a file at `path` that is neither empty nor of this kind.
void check_replaceable(const std::filesystem::path& path, OwnFile kind);

}  // namespace owl3
