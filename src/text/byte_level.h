// The alphabet in which byte-level BPE files write bytes: printable characters of Latin-1 stand for
// themselves, the other bytes, in order, for U+0100 and on.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// Appends the bytes that `token` (valid UTF-8) stands for. Returns false, leaving `bytes` as it
/// was, when a character of it stands for none.
bool append_bytes_of(std::string_view token, std::string& bytes);

}  // namespace owl3
