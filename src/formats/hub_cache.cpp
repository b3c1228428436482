#include "formats/hub_cache.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSnapshots = "snapshots";
constexpr const char* kRefs = "refs";
constexpr std::string_view kModelPrefix = "models--";
constexpr size_t kShown = 10;

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Names of the folders in a folder, sorted, without hidden ones.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && is_folder(entry.path())) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The commit that a file of refs/ names; nothing where it names none.
std::optional<std::string> commit_of(const fs::path& ref) {
  std::ifstream file(ref);
  std::string commit;
  // The text is part of a path: a name, and nothing that leads elsewhere.
  const bool is_name = file >> commit && commit.size() <= 100 && commit.front() != '.' &&
                       commit.find('/') == std::string::npos;
  return is_name ? std::optional(commit) : std::nullopt;
}

/// Commit -> names of refs/, "main, v1.0".
std::map<std::string, std::string> ref_names(const fs::path& model) {
  std::map<std::string, std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(model / kRefs, error)) {
    const auto commit = commit_of(entry.path());
    if (!commit) continue;
    std::string& all = names[*commit];
    all += (all.empty() ? "" : ", ") + entry.path().filename().string();
  }
  return names;
}

/// "PATH/snapshots/abc (v1.0), PATH/snapshots/def"
std::string list_of(const fs::path& model, const std::vector<std::string>& snapshots) {
  const auto names = ref_names(model);
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(kShown, snapshots.size()); ++i) {
    const auto name = names.find(snapshots[i]);
    lines.push_back((model / kSnapshots / snapshots[i]).string() +
                    (name == names.end() ? "" : " (" + name->second + ")"));
  }
  if (snapshots.size() > kShown) lines.push_back(fmt::format("{} more", snapshots.size() - kShown));
  return fmt::format("{}", fmt::join(lines, ", "));
}

fs::path choose_snapshot(const fs::path& model) {
  const std::vector<std::string> snapshots = folders_in(model / kSnapshots);
  if (snapshots.empty()) {
    throw InputError(fmt::format("{}: holds no snapshot of a model: download it again",
                                 (model / kSnapshots).string()));
  }
  if (const auto main = commit_of(model / kRefs / "main")) {
    if (std::binary_search(snapshots.begin(), snapshots.end(), *main)) {
      return model / kSnapshots / *main;
    }
    throw InputError(fmt::format(
        "{}: refs/main names snapshot {}, which is not there: download it again, or give {}",
        model.string(), *main, list_of(model, snapshots)));
  }
  if (snapshots.size() == 1) return model / kSnapshots / snapshots.front();
  throw InputError(fmt::format("{}: holds {} snapshots; give one of them: {}", model.string(),
                               snapshots.size(), list_of(model, snapshots)));
}

/// With the last component a name, even of ".", "folder/" or "folder/..".
fs::path normal(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole;
}

[[noreturn]] void refuse_whole_cache(const fs::path& path, const std::vector<std::string>& models) {
  const size_t shown = std::min(kShown, models.size());
  throw InputError(fmt::format(
      "{}: holds {} models of Hugging Face's cache; give one of them: {}{}", path.string(),
      models.size(), fmt::join(models.begin(), models.begin() + static_cast<long>(shown), ", "),
      models.size() > shown ? ", ..." : ""));
}

}  // namespace

fs::path find_snapshot(const fs::path& path, const std::string& file) {
  std::error_code error;
  if (!is_folder(path) || fs::exists(fs::symlink_status(path / file, error))) return path;
  if (is_folder(path / kSnapshots)) return choose_snapshot(path);
  const fs::path whole = normal(path);
  if (whole.filename() == kSnapshots) return choose_snapshot(whole.parent_path());
  std::vector<std::string> models = folders_in(path);
  std::erase_if(models, [](const std::string& name) { return !name.starts_with(kModelPrefix); });
  if (!models.empty()) refuse_whole_cache(path, models);
  return path;
}

bool holds_file(const fs::path& folder, const std::string& file) {
  const fs::path path = folder / file;
  std::error_code error;
  if (fs::exists(path, error)) return true;
  if (!fs::is_symlink(fs::symlink_status(path, error))) return false;
  throw InputError(
      fmt::format("{}: a link to {}, which is not there: the download is incomplete; repeat it",
                  path.string(), fs::read_symlink(path, error).string()));
}

std::string model_name_of(const fs::path& path) {
  fs::path whole = normal(path);
  if (whole.parent_path().filename() == kSnapshots) whole = whole.parent_path();
  if (whole.filename() == kSnapshots) whole = whole.parent_path();
  if (whole.extension() == ".gguf") return whole.stem().string();
  const std::string name = whole.filename().string();
  return name.starts_with(kModelPrefix) ? name.substr(name.rfind("--") + 2) : name;
}

}  // namespace owl3
