#include "runs/recipe_paths.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/error.h"
#include "core/regular_file.h"
#include "runs/run_folder.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

void check_readable(const std::string& key, const fs::path& path) {
  if (::access(path.c_str(), R_OK) == 0) return;
  const int error_number = errno;
  const std::string message =
      fmt::format("{}: {}: {}", key, path.string(), errno_text(error_number));
  if (error_number == ENOENT) throw MissingFile(message, path);
  throw InputError(message);
}

void check_sources(const std::string& key, const std::vector<DataRecipe>& sources) {
  for (const DataRecipe& source : sources) {
    check_readable(key, source.path);
    if (fs::is_directory(source.path)) {
      throw InputError(
          fmt::format("{}: {}: is a folder; a JSONL file is needed", key, source.path));
    }
    if (!source.media_root.empty()) check_readable(key + ".media_root", source.media_root);
  }
}

/// The run's result would take the place of what it begins with.
void check_not_overwritten(const std::string& key, const fs::path& path, const fs::path& output) {
  std::error_code ignored;
  if (path.empty() || !fs::equivalent(path, output / "model", ignored)) return;
  throw InputError(fmt::format(
      "{}: {} is where this run writes its own model; choose another output", key, path.string()));
}

}  // namespace

void check_recipe_paths(const Recipe& recipe) {
  if (recipe.init) {
    check_readable("init.tokenizer", recipe.init->tokenizer);
    if (!recipe.init->vision.empty()) check_readable("init.vision", recipe.init->vision);
  }
  check_sources("data", recipe.data);
  check_sources("validation.path", recipe.validation.data);
  if (recipe.cache_features == CacheFeatures::kOn && !recipe.feature_folder.empty()) {
    check_can_be_made(recipe.feature_folder);
  }
  check_not_overwritten("model", recipe.model, recipe.output);
  if (recipe.init) check_not_overwritten("init.vision", recipe.init->vision, recipe.output);
}

}  // namespace owl3
