// The model that is asked: one in the program, in the hub's cache, or at a path.
#pragma once

#include <string>

#include "owl3/model.h"

namespace owl3::cli {

/// Loads what `model` stands for (builtin/open_model.h). Throws InputError where nothing is there.
Model load_model(const std::string& model, const ModelOptions& options);

/// The one in the program, where none was named. There must be one.
Model load_builtin_model(const ModelOptions& options);

/// Whether somebody who writes this where files are expected means a model.
bool means_model(const std::string& text);

}  // namespace owl3::cli
