// A stored value as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "parquet/schema.h"

namespace owl3::parquet {

/// Numbers and truth values as such, texts as texts, other bytes as binary. What JSON has no kind
/// for is text: "12.50" (decimals), "2024-02-29", "23:59:59.250",
/// "2024-02-29T23:59:59.250Z" (without Z where it is local time), UUIDs. Throws InputError where a
/// text is no UTF-8, or the bytes are too few or too many.
nlohmann::ordered_json json_of(const ValueType& type, std::string_view bytes);

}  // namespace owl3::parquet
