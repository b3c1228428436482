#include "hub/remove.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/error.h"
#include "hub/file_lock.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

/// Of all files that are being fetched or were; nobody else begins while they are held.
std::vector<FileLock> lock_all(const HubCache& cache, const std::string& repository) {
  std::vector<FileLock> locks;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(cache.locks_of(repository), error)) {
    auto lock = FileLock::try_lock(entry.path());
    if (!lock) throw InputError(fmt::format("{}: is being fetched by another process", repository));
    locks.push_back(*std::move(lock));
  }
  return locks;
}

[[noreturn]] void fail_to_remove(const fs::path& path, const std::error_code& error) {
  throw InputError(fmt::format("{}: can't be removed: {}", path.string(), error.message()));
}

/// Away in one step, so that half of a model is never taken for one; its content follows. The step
/// leads to `aside`, a folder where nobody looks for such.
void remove_folder(const fs::path& folder, const fs::path& aside) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return;
  const fs::path away =
      aside / fmt::format(".{}.{}.removed", folder.filename().string(), ::getpid());
  fs::rename(folder, away, error);
  if (!error) fs::remove_all(away, error);
  if (error) fail_to_remove(folder, error);
}

uint64_t remove_file(const fs::path& path) {
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  if (error) return 0;  // it is not there
  fs::remove(path, error);
  if (error) fail_to_remove(path, error);
  return bytes;
}

uint64_t remove_conversion(const CachedConversion& conversion) {
  remove_file(conversion.path);
  std::error_code error;
  fs::remove(conversion.path.parent_path(), error);  // where it was the last
  return conversion.bytes;
}

/// "owl3-2b@v1.0:q8_0"
std::string name_of(const CachedModel& model, const CachedConversion& conversion) {
  return ModelName{model.repository, revision_of(model, conversion.commit), conversion.type}.text();
}

uint64_t remove_conversion(const CachedModel& model, const std::string& commit,
                           const std::string& type) {
  std::string others;
  for (const CachedConversion& conversion : model.conversions) {
    if (conversion.commit == commit && conversion.type == type)
      return remove_conversion(conversion);
    if (conversion.type == type)
      others += (others.empty() ? "; there is " : ", ") + name_of(model, conversion);
  }
  throw InputError(fmt::format("{}: has no conversion to {}{}", model.repository, type, others));
}

/// The files of blobs/ that a snapshot has links to.
std::set<fs::path> blobs_of(const CachedModel& model, const std::string& commit) {
  std::set<fs::path> blobs;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(model.folder / "snapshots" / commit, error), end;
       entry != end; entry.increment(error)) {
    std::error_code of_link;
    const fs::path to = fs::read_symlink(entry->path(), of_link);
    if (!of_link) blobs.insert(model.folder / "blobs" / to.filename());
    if (error) break;
  }
  return blobs;
}

/// A snapshot, and of its files those that no other has.
uint64_t remove_snapshot(const CachedModel& model, const std::string& commit) {
  std::set<fs::path> gone = blobs_of(model, commit);
  for (const CachedSnapshot& other : model.snapshots) {
    if (other.commit == commit) continue;
    for (const fs::path& blob : blobs_of(model, other.commit)) gone.erase(blob);
  }
  remove_folder(model.folder / "snapshots" / commit, model.folder);
  uint64_t bytes = 0;
  for (const fs::path& blob : gone) bytes += remove_file(blob);
  return bytes;
}

void remove_refs_to(const CachedModel& model, const std::string& commit) {
  const auto names = model.refs.find(commit);
  if (names == model.refs.end()) return;
  for (size_t begin = 0; begin < names->second.size();) {
    const size_t end = std::min(names->second.find(", ", begin), names->second.size());
    remove_file(model.folder / "refs" / names->second.substr(begin, end - begin));
    begin = end + 2;
  }
}

uint64_t remove_revision(const CachedModel& model, const std::string& commit,
                         bool with_conversions) {
  uint64_t bytes = 0;
  bool conversions_stay = false;
  for (const CachedConversion& conversion : model.conversions) {
    if (conversion.commit != commit) continue;
    if (with_conversions) bytes += remove_conversion(conversion);
    conversions_stay |= !with_conversions;
  }
  if (!conversions_stay) remove_refs_to(model, commit);
  return bytes + remove_snapshot(model, commit);
}

/// All but the conversions, whose revisions keep their names.
uint64_t remove_originals(const CachedModel& model) {
  for (const char* part : {"snapshots", "blobs"}) {
    remove_folder(model.folder / part, model.folder);
  }
  return model.bytes + model.part_bytes;
}

uint64_t remove_all(const HubCache& cache, const CachedModel& model) {
  uint64_t bytes = model.bytes + model.part_bytes;
  for (const CachedConversion& conversion : model.conversions) bytes += conversion.bytes;
  remove_folder(model.folder, model.folder.parent_path());
  std::error_code error;
  fs::remove_all(cache.locks_of(model.repository), error);
  return bytes;
}

/// What is left where nothing is: the folders.
void remove_if_empty(const HubCache& cache, const std::string& repository) {
  const auto model = cache.model(repository);
  const bool is_empty = model && model->snapshots.empty() && model->conversions.empty() &&
                        model->bytes == 0 && !model->has_parts;
  if (is_empty) remove_all(cache, *model);
}

uint64_t remove_part(const HubCache& cache, const CachedModel& model, const ModelName& name) {
  const auto commit = cache.commit_of(model.repository, name.revision);
  const bool is_conversion = !name.type.empty() && name.type != "original";
  if (is_conversion) return remove_conversion(model, commit.value_or(""), name.type);
  const std::vector<FileLock> locks = lock_all(cache, model.repository);
  if (name.revision.empty()) return remove_originals(model);
  if (!commit) {
    throw InputError(
        fmt::format("{}: no such revision was fetched; owl3 list shows those", name.text()));
  }
  return remove_revision(model, *commit, name.type.empty());
}

}  // namespace

uint64_t remove_model(const HubCache& cache, const ModelName& name) {
  auto model = cache.model(name.repository);
  if (!model) model = cache.model(modelscope_repository(name.repository));
  if (!model) {
    throw InputError(fmt::format(
        "{}: is not among the models that were fetched; owl3 list shows them", name.text()));
  }
  const bool has_conversions = !model->conversions.empty();
  const bool is_all =
      name.revision.empty() && (name.type.empty() || (name.type == "original" && !has_conversions));
  if (is_all) {
    const std::vector<FileLock> locks = lock_all(cache, model->repository);
    return remove_all(cache, *model);
  }
  const uint64_t bytes = remove_part(cache, *model, name);
  remove_if_empty(cache, model->repository);
  return bytes;
}

}  // namespace owl3
