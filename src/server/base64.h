// Bytes written as text (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace owl3::server {

/// Of either alphabet, with or without the padding at its end, white space between. Nothing where
/// the text is anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace owl3::server
