// Unicode normalisation form C.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// Whether the text is in form C for certain, by a look at its characters; most text is.
bool is_plainly_nfc(std::string_view text);

/// `text` (valid UTF-8) in form C. Takes n log n time for any text.
std::string to_nfc(std::string_view text);

}  // namespace owl3
