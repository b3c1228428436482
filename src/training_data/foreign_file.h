// Files given for training data by mistake: told by how they begin.
#pragma once

#include <string>
#include <string_view>

namespace owl3 {

/// What a file that begins so is, and what to do with it; empty for what may be rows in JSON.
std::string foreign_kind(std::string_view text);

}  // namespace owl3
