#include "builtin/open_model.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "builtin/builtin_model.h"
#include "core/error.h"
#include "core/similar.h"
#include "hub/cache.h"
#include "hub/find_model.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

bool equal_but_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

/// All names that a model could be asked for by here; of names as near, the first is meant.
std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const CachedModel& model : HubCache().models()) {
    names.push_back(short_model_name(model.repository));
  }
  for (const std::string& name : released_model_names()) names.push_back(name);
  for (const std::string& name : released_model_names()) {
    names.push_back(parse_model_name(name)->repository);
  }
  for (const CachedModel& model : HubCache().models()) names.push_back(model.repository);
  if (const auto builtin = builtin_model()) names.push_back(builtin->name);
  return names;
}

std::vector<std::string> with_types(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) {
    for (const std::string& type : conversion_type_names()) all.push_back(name + ":" + type);
  }
  return all;
}

std::string did_you_mean_model(const fs::path& model) {
  const std::string text = model.string();
  const std::vector<std::string> names = model_names();
  const std::string name =
      did_you_mean(text, text.find(':') == text.npos ? names : with_types(names));
  return name.empty() ? did_you_mean_file(model) : name;
}

}  // namespace

bool names_builtin_model(const fs::path& model) {
  const auto builtin = builtin_model();
  return builtin && equal_but_case(model.string(), builtin->name) && !looks_like_checkpoint(model);
}

fs::path find_existing_model(const fs::path& model) {
  if (model.empty()) throw InputError("the name of the model folder or .gguf file is empty");
  fs::path path;
  try {
    path = find_model(model);
  } catch (const ModelNotFetched& missing) {
    if (missing.name().known) throw;
    throw ModelNotFetched(missing.what() + did_you_mean_model(model), missing.name());
  }
  std::error_code error;
  if (fs::symlink_status(path, error).type() != fs::file_type::not_found) return path;
  throw InputError(fmt::format("{}: no such model folder, .gguf file or name of a model{}",
                               path.string(), did_you_mean_model(path)));
}

CheckpointSource open_model(const fs::path& model) {
  if (!names_builtin_model(model)) return CheckpointSource::open(find_existing_model(model));
  const BuiltinModel builtin = builtin_model().value();
  return CheckpointSource::in_memory(builtin.gguf, builtin.name);
}

}  // namespace owl3
