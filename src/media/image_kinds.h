// What kind of file a file is, by its name and its first bytes; nothing is decoded.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace owl3 {

enum class FileKind { kImage, kFilm, kRawPhoto, kUnreadImage, kOther };

/// By the extension, of which kOther is any that is not known.
FileKind kind_by_name(const std::filesystem::path& path);

/// Whether a file with this beginning (32 bytes are enough) is an image of a known format.
bool begins_like_an_image(std::span<const std::byte> beginning);

/// Whether a file is a film whose extension other files have, too (.ts: MPEG transport streams, and
/// TypeScript), by that and its beginning, of which 768 bytes are enough.
bool is_film_of_shared_name(const std::filesystem::path& path,
                            std::span<const std::byte> beginning);

/// Whether a beginning is that of a HEIF file (HEIC, AVIF), which is like a film's: by its brands.
bool begins_like_heif(std::span<const std::byte> beginning);

/// Hidden files, and what file managers, cameras' and servers' software leave behind in folders of
/// pictures: "._a.jpg", ".trashed-1-a.jpg", "Thumbs.db", "@eaDir".
bool is_hidden(const std::string& file_name);

std::string lower_case(std::string text);

}  // namespace owl3
