// How training rows write an image or a film: a path, a URL, base64, or an object that holds one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "training_data/row_values.h"

namespace owl3 {

/// One medium as a path, a URL or a data: URL. It may be written as
///   "a.jpg"                          a path, relative to the folder of media, or absolute
///   "file:///x/a.jpg"                the same as "/x/a.jpg"
///   "data:image/png;base64,..."      and "iVBORw0..." or "/9j/4AAQ...", bare base64
///   {"path": ...}, {"url": ...}      any of the above
///   {"bytes": base64, "path": ...}   the bytes count, as for Hugging Face's datasets
/// Throws InputError.
std::string medium_reference(const nlohmann::json& value, const std::string& place,
                             const RowValues& row);

}  // namespace owl3
