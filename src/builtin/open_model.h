// What a MODEL on the command line or in a recipe stands for: the model in the program, one in the
// hub's cache, or a path.
#pragma once

#include <filesystem>

#include "formats/checkpoint_source.h"

namespace owl3 {

/// Whether this is the name of the model in the program, in any case of letters. A model of that
/// name in the working folder comes before it; "./owlet" is a path whatever lies there.
bool names_builtin_model(const std::filesystem::path& model);

/// find_model() for what is not in the program. Throws InputError where nothing is there, with what
/// was probably meant.
std::filesystem::path find_existing_model(const std::filesystem::path& model);

/// Opens any of them. Throws as find_existing_model() and CheckpointSource::open() do.
CheckpointSource open_model(const std::filesystem::path& model);

}  // namespace owl3
