#include "hub/find_model.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "hub/cache.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

/// The repository as it was asked for, then as ModelScope calls it.
std::vector<std::string> repositories_of(const ModelName& name) {
  std::vector<std::string> repositories = {name.repository};
  const std::string other = modelscope_repository(name.repository);
  if (name.known && other != name.repository) repositories.push_back(other);
  return repositories;
}

bool wants_conversion(const ModelName& name) {
  return !name.type.empty() && name.type != "original";
}

std::optional<fs::path> conversion_of(const HubCache& cache, const std::string& repository,
                                      const ModelName& name) {
  std::error_code error;
  const auto commit = cache.commit_of(repository, name.revision);
  if (!commit) return std::nullopt;
  const fs::path path = cache.conversion_path(repository, *commit, name.type);
  return fs::exists(path, error) ? std::optional(path) : std::nullopt;
}

std::optional<fs::path> find_in(const HubCache& cache, const std::string& repository,
                                const ModelName& name) {
  if (wants_conversion(name)) return conversion_of(cache, repository, name);
  const auto snapshot = cache.snapshot(repository, name.revision);
  if (!snapshot || !is_complete_snapshot(*snapshot)) return std::nullopt;
  const auto gguf = only_gguf_in(*snapshot);
  return gguf ? gguf : snapshot;
}

/// "; fetched are owl3-2b, owl3-2b@v1.0:q4_k": other forms of the model that would do.
std::string other_forms(const HubCache& cache, const ModelName& name) {
  std::vector<std::string> forms;
  const auto add = [&](const std::string& revision, const std::string& type) {
    ModelName form = name;
    form.revision = revision;
    form.type = type;
    if (std::find(forms.begin(), forms.end(), form.text()) == forms.end())
      forms.push_back(form.text());
  };
  for (const std::string& repository : repositories_of(name)) {
    const auto model = cache.model(repository);
    if (!model) continue;
    for (const CachedSnapshot& snapshot : model->snapshots) {
      if (snapshot.complete) add(revision_of(*model, snapshot.commit), "");
    }
    for (const CachedConversion& conversion : model->conversions) {
      add(revision_of(*model, conversion.commit), conversion.type);
    }
  }
  return forms.empty() ? "" : fmt::format("; fetched are {}", fmt::join(forms, ", "));
}

bool is_partly_there(const HubCache& cache, const ModelName& name) {
  for (const std::string& repository : repositories_of(name)) {
    const auto model = cache.model(repository);
    if (model && !wants_conversion(name) && (model->has_parts || !model->snapshots.empty()))
      return true;
  }
  return false;
}

/// "owl3-2b:q5", and no path such as "a/b:c": a model of the name before the colon is known.
bool has_unknown_type(const HubCache& cache, const std::string& text) {
  if (!unknown_type_in(text)) return false;
  const auto name = parse_model_name(text.substr(0, text.rfind(':')));
  return name && (name->known || cache.model(name->repository));
}

std::string message(const std::string& text, const HubCache& cache, const ModelName& name) {
  const bool partly = is_partly_there(cache, name);
  const std::string what = name.known ? partly ? "not all of this model is on this machine yet"
                                               : "this model is not on this machine"
                           : partly
                               ? "not all of a model of that name is on this machine yet"
                               : "no such model folder or .gguf file, and no model of that name "
                                 "among those that were fetched";
  return fmt::format("{}: {}{}; to fetch it: {}", text, what, other_forms(cache, name),
                     pull_command(name));
}

}  // namespace

std::string pull_command(const ModelName& name) {
  std::string command = "owl3 pull " + short_model_name(name.repository);
  if (!name.revision.empty()) command += " --revision " + name.revision;
  if (wants_conversion(name)) command += " --type " + name.type;
  return command;
}

fs::path find_model(const fs::path& model) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(model, error))) return model;
  const std::string text = model.string();
  const auto name = parse_model_name(text);
  const HubCache cache;
  if (!name && has_unknown_type(cache, text))
    throw InputError(unknown_type_message(text, *unknown_type_in(text)));
  if (!name) return model;
  for (const std::string& repository : repositories_of(*name)) {
    if (const auto found = find_in(cache, repository, *name)) return *found;
  }
  throw ModelNotFetched(message(text, cache, *name), *name);
}

}  // namespace owl3
