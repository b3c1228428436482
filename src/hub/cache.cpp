#include "hub/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "hub/checksum.h"
#include "hub/environment.h"
#include "hub/model_name.h"
#include "hub/part_file.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelPrefix = "models--";
constexpr size_t kGgufHead = 4096;  // holds what owl3 writes first

std::string cache_name(const std::string& repository) {
  std::string name(kModelPrefix);
  for (const char c : repository) name.append(c == '/' ? "--" : std::string(1, c));
  return name;
}

/// "org/name" of "models--org--name".
std::string repository_of(const std::string& folder) {
  std::string name = folder.substr(kModelPrefix.size());
  const size_t divider = name.find("--");
  return divider == name.npos
             ? name
             : fmt::format("{}/{}", name.substr(0, divider), name.substr(divider + 2));
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; entry != end; entry.increment(error)) {
    // What begins with a dot is on its way out (remove.cpp).
    if (!entry->path().filename().string().starts_with('.')) entries.push_back(entry->path());
    if (error) break;
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// What the file takes of the disk: one with holes less than its size.
uint64_t disk_bytes(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return std::min(static_cast<uint64_t>(status.st_blocks) * 512,
                  static_cast<uint64_t>(status.st_size));
}

nlohmann::json json_in(const fs::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file, nullptr, false);
}

bool all_shards_are_there(const fs::path& snapshot, const fs::path& index) {
  const nlohmann::json json = json_in(index);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object()) return false;
  std::set<std::string> shards;
  for (const auto& file : *map) {
    if (!file.is_string()) return false;
    shards.insert(file.get<std::string>());
  }
  return std::all_of(shards.begin(), shards.end(),
                     [&](const std::string& shard) { return is_there(snapshot / shard); });
}

std::string read_commit(const fs::path& ref) {
  std::ifstream file(ref);
  std::string commit;
  const bool is_name = file >> commit && is_revision(commit) && commit.find('/') == commit.npos;
  return is_name ? commit : "";
}

/// Commit -> "main, refs/pr/1"
std::map<std::string, std::string> refs_of(const fs::path& model) {
  std::map<std::string, std::string> names;
  std::error_code error;
  const fs::path folder = model / "refs";
  for (fs::recursive_directory_iterator entry(folder, error), end; entry != end;
       entry.increment(error)) {
    if (error) break;
    if (!entry->is_regular_file(error)) continue;
    std::string& all = names[read_commit(entry->path())];
    if (!all.empty()) all += ", ";
    all += entry->path().lexically_relative(folder).string();
  }
  return names;
}

std::vector<CachedConversion> conversions_in(const fs::path& model) {
  std::vector<CachedConversion> conversions;
  for (const fs::path& commit : entries_of(model / "owl3")) {
    for (const fs::path& file : entries_of(commit)) {
      const std::string stem = file.stem().string();
      const size_t dash = stem.rfind('-');
      if (file.extension() != ".gguf" || dash == stem.npos) continue;
      conversions.push_back(
          {commit.filename().string(), stem.substr(dash + 1), file, disk_bytes(file)});
    }
  }
  return conversions;
}

/// Whether a GGUF file says first, as those of `owl3 convert` do, that it is of this family.
bool is_gguf_of_this_family(const fs::path& path) {
  std::string head(kGgufHead, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  // A key, the number of the type "text", the text's length and the text.
  const std::string_view entry("general.architecture\x08\0\0\0\x0A\0\0\0\0\0\0\0mplug-owl3", 42);
  return head.starts_with("GGUF") && head.find(entry) != head.npos;
}

/// A model that owl3 runs, by what is there of it.
bool is_of_this_family(const CachedModel& model) {
  if (!model.conversions.empty() || parse_model_name(model.repository).value_or(ModelName()).known)
    return true;
  return std::any_of(model.snapshots.begin(), model.snapshots.end(),
                     [&](const CachedSnapshot& snapshot) {
                       const fs::path folder = model.folder / "snapshots" / snapshot.commit;
                       const nlohmann::json config = json_in(folder / "config.json");
                       if (config.is_object()) return config.contains("hyper_layers");
                       const auto gguf = only_gguf_in(folder);
                       return gguf && is_gguf_of_this_family(*gguf);
                     }) ||
         model.has_parts;
}

}  // namespace

HubCache::HubCache() : root_(hub_cache_folder()) {}

fs::path HubCache::folder_of(const std::string& repository) const {
  return root_ / cache_name(repository);
}

fs::path HubCache::locks_of(const std::string& repository) const {
  return root_ / ".locks" / cache_name(repository);
}

std::optional<std::string> HubCache::commit_of(const std::string& repository,
                                               const std::string& revision) const {
  if (root_.empty()) return std::nullopt;
  const fs::path folder = folder_of(repository);
  const std::string name = revision.empty() ? "main" : revision;
  if (!is_revision(name)) return std::nullopt;
  if (const std::string commit = read_commit(folder / "refs" / name); !commit.empty())
    return commit;
  for (const char* part : {"snapshots", "owl3"}) {
    if (is_folder(folder / part / name) && name.find('/') == name.npos) return name;
  }
  if (!revision.empty()) return std::nullopt;
  for (const char* part : {"snapshots", "owl3"}) {  // fetched by commit
    const std::vector<fs::path> commits = entries_of(folder / part);
    if (commits.size() == 1) return commits.front().filename().string();
    if (!commits.empty()) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<fs::path> HubCache::snapshot(const std::string& repository,
                                           const std::string& revision) const {
  const auto commit = commit_of(repository, revision);
  if (!commit) return std::nullopt;
  const fs::path folder = folder_of(repository) / "snapshots" / *commit;
  return is_folder(folder) ? std::optional(folder) : std::nullopt;
}

fs::path HubCache::conversion_path(const std::string& repository, const std::string& commit,
                                   const std::string& type) const {
  const std::string name = repository.substr(repository.find('/') + 1);
  return folder_of(repository) / "owl3" / commit / fmt::format("{}-{}.gguf", name, type);
}

std::optional<CachedModel> HubCache::model(const std::string& repository) const {
  CachedModel model;
  model.repository = repository;
  model.folder = folder_of(repository);
  if (root_.empty() || !is_folder(model.folder)) return std::nullopt;
  model.refs = refs_of(model.folder);
  model.main = commit_of(repository, "").value_or("");
  for (const fs::path& snapshot : entries_of(model.folder / "snapshots")) {
    const std::string commit = snapshot.filename().string();
    const auto names = model.refs.find(commit);
    model.snapshots.push_back(
        {commit, names == model.refs.end() ? "" : names->second, is_complete_snapshot(snapshot)});
  }
  for (const fs::path& blob : entries_of(model.folder / "blobs")) {
    if (is_checksum(blob.filename().string())) {
      model.bytes += disk_bytes(blob);
    } else {
      model.has_parts = true;
      const bool is_own = blob.extension() == kPartExtension;
      model.part_bytes += is_own ? PartFile::arrived_bytes(blob) : disk_bytes(blob);
    }
  }
  model.conversions = conversions_in(model.folder);
  return model;
}

std::vector<CachedModel> HubCache::models() const {
  std::vector<CachedModel> models;
  for (const fs::path& folder : entries_of(root_)) {
    const std::string name = folder.filename().string();
    if (!name.starts_with(kModelPrefix)) continue;
    auto found = model(repository_of(name));
    if (found && is_of_this_family(*found)) models.push_back(*std::move(found));
  }
  return models;
}

std::string revision_of(const CachedModel& model, const std::string& commit) {
  const auto names = model.refs.find(commit);
  if (names == model.refs.end()) return commit == model.main ? "" : commit;
  const bool is_main = (", " + names->second + ",").find(", main,") != std::string::npos;
  return is_main ? "" : names->second.substr(0, names->second.find(','));
}

bool is_complete_snapshot(const fs::path& snapshot) {
  if (!is_there(snapshot / "config.json")) return only_gguf_in(snapshot).has_value();
  if (is_there(snapshot / "model.safetensors")) return true;
  const fs::path index = snapshot / "model.safetensors.index.json";
  return is_there(index) && all_shards_are_there(snapshot, index);
}

std::optional<fs::path> only_gguf_in(const fs::path& snapshot) {
  std::optional<fs::path> only;
  for (const fs::path& file : entries_of(snapshot)) {
    if (file.extension() != ".gguf" || !is_there(file)) continue;
    if (only) return std::nullopt;
    only = file;
  }
  return is_there(snapshot / "config.json") ? std::nullopt : only;
}

}  // namespace owl3
