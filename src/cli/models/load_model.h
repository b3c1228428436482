// The model that is asked: one in the program, in the hub's cache, or at a path.
#pragma once

#include <string>

#include "owl3/model.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// Loads what `model` stands for (builtin/open_model.h); the one in the program, of which there
/// must be one, where none was named. Throws InputError where nothing is there.
Model load_model(const std::string& model, const ModelOptions& options);
/// The same for a command that has nothing to say before: shows that it loads, tells its warnings.
Model load_model_visibly(const std::string& model, const ModelOptions& options);

/// What others call it: "owl3-2b" for "models/owl3-2b.gguf"; names stay what they are.
std::string name_of_model(const std::string& model);

/// Whoever named no model should not wonder at the answer, wherever it goes.
void tell_of_builtin_model();

/// Adds MODEL, for which the one in the program stands in.
void add_optional_model(CLI::App& command, std::string& model);

/// Whether somebody who writes this where files are expected means a model.
bool means_model(const std::string& text);

}  // namespace owl3::cli
