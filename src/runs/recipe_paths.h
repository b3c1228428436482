// The files and folders that a recipe names, looked at before any work is done on it.
#pragma once

#include "runs/recipe.h"

namespace owl3 {

/// Whether what is read is there and readable, and the run would not write over it: cheap, no file
/// is read. Throws InputError, one line with the recipe's key, for the first that is not. The
/// output is check_run_folder()'s.
void check_recipe_paths(const Recipe& recipe);

}  // namespace owl3
