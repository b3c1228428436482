// What mends a model in the hub's cache whose files are damaged.
#pragma once

#include <string>

namespace owl3::cli {

/// "; if a file of it is damaged, this fetches it again: owl3 pull --verify owl3-2b", where the
/// message of a failure names a model in the cache; otherwise nothing.
std::string mending_advice(const std::string& message);

}  // namespace owl3::cli
