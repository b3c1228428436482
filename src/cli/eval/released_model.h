// Which of the released models a MODEL is, by the names it goes by.
#pragma once

#include <string>

namespace owl3::cli {

/// Its short name, "owl3-7b"; empty where it is none, or none that can be told. A name of a hub
/// says so, the name of a folder or file, and what a file of `owl3 convert` says it was made of.
std::string released_model_of(const std::string& model);

}  // namespace owl3::cli
