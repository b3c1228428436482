#include "hub/remove.h"

#include <unistd.h>

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

/// Away in one step, so that half of a model is never taken for one; its content follows.
void remove_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return;
  const fs::path away =
      folder.parent_path() / fmt::format(".{}.{}.removed", folder.filename().string(), ::getpid());
  fs::rename(folder, away, error);
  if (!error) fs::remove_all(away, error);
  if (error)
    throw InputError(fmt::format("{}: can't be removed: {}", folder.string(), error.message()));
}

uint64_t remove_conversions(const CachedModel& model, const std::string& type) {
  uint64_t bytes = 0;
  for (const CachedConversion& conversion : model.conversions) {
    if (conversion.type != type) continue;
    std::error_code error;
    fs::remove(conversion.path, error);
    if (error)
      throw InputError(
          fmt::format("{}: can't be removed: {}", conversion.path.string(), error.message()));
    fs::remove(conversion.path.parent_path(), error);  // where it was the last
    bytes += conversion.bytes;
  }
  if (bytes == 0)
    throw InputError(fmt::format("{}: has no conversion to {}", model.repository, type));
  return bytes;
}

}  // namespace

uint64_t remove_model(const HubCache& cache, const ModelName& name) {
  auto model = cache.model(name.repository);
  if (!model) model = cache.model(modelscope_repository(name.repository));
  if (!model) {
    throw InputError(fmt::format(
        "{}: is not among the models that were fetched; owl3 list shows them", name.text()));
  }
  if (!name.type.empty() && name.type != "original") return remove_conversions(*model, name.type);
  const std::vector<FileLock> locks = lock_all(cache, model->repository);
  uint64_t bytes = model->bytes + model->part_bytes;
  if (name.type == "original" && !model->conversions.empty()) {
    for (const char* part : {"snapshots", "refs", "blobs"}) remove_folder(model->folder / part);
    return bytes;
  }
  for (const CachedConversion& conversion : model->conversions) bytes += conversion.bytes;
  remove_folder(model->folder);
  std::error_code error;
  fs::remove_all(cache.locks_of(model->repository), error);
  return bytes;
}

}  // namespace owl3
