#include "cli/models/load_model.h"

#include "builtin/builtin_model.h"
#include "builtin/open_model.h"
#include "formats/checkpoint_source.h"
#include "hub/model_name.h"

namespace owl3::cli {

Model load_model(const std::string& model, const ModelOptions& options) {
  if (names_builtin_model(model)) return load_builtin_model(options);
  return Model::load(find_existing_model(model), options);
}

Model load_builtin_model(const ModelOptions& options) {
  const BuiltinModel builtin = builtin_model().value();
  return Model::load_gguf(builtin.gguf, builtin.name, options);
}

bool means_model(const std::string& text) {
  if (looks_like_checkpoint(text) || names_builtin_model(text)) return true;
  std::error_code error;
  if (std::filesystem::exists(text, error)) return false;
  const auto name = parse_model_name(text);
  return name && name->known;
}

}  // namespace owl3::cli
