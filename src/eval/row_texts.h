// What rows of questions have in common: marks in texts (text/user_marks.h), lists of texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/json_reader.h"

namespace owl3 {

/// How many images the text places.
int64_t image_marks_in(std::string_view text);
/// What stands behind the last mark: hundreds of them say nothing.
std::string_view behind_image_marks(std::string_view text);

/// The texts of a list, none where the row has no such key. Throws InputError where it is anything
/// else, or one of them has no words.
std::vector<std::string> text_list(const nlohmann::json& row, const JsonReader& reader,
                                   const char* key);

}  // namespace owl3
