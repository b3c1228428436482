#include "cli/models/load_model.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <system_error>

#include "builtin/builtin_model.h"
#include "builtin/open_model.h"
#include "formats/checkpoint_source.h"
#include "hub/model_name.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

Model load_model(const std::string& model, const ModelOptions& options) {
  if (model.empty() || names_builtin_model(model)) {
    const BuiltinModel builtin = builtin_model().value();
    return Model::load_gguf(builtin.gguf, builtin.name, options);
  }
  return Model::load(find_existing_model(model), options);
}

Model load_model_visibly(const std::string& model, const ModelOptions& options) {
  ProgressBar bar;
  bar.update("loading the model", 0, 0);
  Model loaded = load_model(model, options);
  bar.erase();
  tell_warnings(loaded.warnings());
  return loaded;
}

std::string name_of_model(const std::string& model) {
  if (model.empty()) return builtin_model().value().name;
  std::filesystem::path path(model);
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return model;
  return path.extension() == ".gguf" ? path.stem().string() : path.filename().string();
}

void tell_of_builtin_model() {
  const std::string name = builtin_model()->name;
  const bool draws = name == "owlet";  // another build may have another
  tell(
      fmt::format("owl3: no model named, so {} answers{}; for photos: owl3 pull owl3-2b, and owl3 "
                  "chat owl3-2b\n",
                  name, draws ? ", which knows drawn pictures only" : ", which is in the program"));
}

void add_optional_model(CLI::App& command, std::string& model) {
  constexpr const char* kWhat = "A name (owl3 list), checkpoint folder or .gguf file";
  const auto builtin = builtin_model();
  command
      .add_option(
          "MODEL", model,
          builtin ? fmt::format("{} (default: {}, which is in the program)", kWhat, builtin->name)
                  : kWhat)
      ->type_name("");
}

bool means_model(const std::string& text) {
  if (looks_like_checkpoint(text) || names_builtin_model(text)) return true;
  std::error_code error;
  if (std::filesystem::exists(text, error)) return false;
  const bool has_type = unknown_type_in(text).has_value();  // a mistyped one is still a model's
  const auto name = parse_model_name(has_type ? text.substr(0, text.rfind(':')) : text);
  return name && name->known;
}

}  // namespace owl3::cli
