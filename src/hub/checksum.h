// Checksums that hubs give their files: SHA-256 of the content, or for small files Git's blob
// SHA-1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace owl3 {

/// Whether the text is what checksum_of() can give: 64 hexadecimal digits (SHA-256), or 40 (the
/// SHA-1 of a Git blob).
bool is_checksum(const std::string& text);

/// The checksum of the first `size` bytes of a file, in the form that `expected` has. `read` is
/// told of each piece, and stops the work by returning false; the result is empty then. Throws
/// InputError.
std::string checksum_of(const std::filesystem::path& file, const std::string& expected,
                        uint64_t size, const std::function<bool(uint64_t bytes)>& read);

}  // namespace owl3
