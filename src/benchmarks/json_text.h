// JSON of files that others wrote.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace owl3 {

/// Throws InputError "<place>: ..." where the text is no JSON, or nested deeper than any such file.
nlohmann::ordered_json parse_json_text(std::string_view text, const std::string& place);

}  // namespace owl3
