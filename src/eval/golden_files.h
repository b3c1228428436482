// The files of folders of golden data, as another implementation wrote them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/tensor.h"

namespace owl3 {

/// A file of little-endian float32, nothing else. Throws InputError when it has not the shape's
/// size.
Tensor load_floats(const std::filesystem::path& path, const Shape& shape);

/// A JSON file whose top level is an object. Throws InputError.
nlohmann::json load_json_object(const std::filesystem::path& path);

}  // namespace owl3
