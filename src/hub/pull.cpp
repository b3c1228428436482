#include "hub/pull.h"

#include <unistd.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/error.h"
#include "hub/checksum.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnFolder = ".owl3-pull";  // in --dir, while files are on their way

ModelName name_at(const HubAccess& access, ModelName name) {
  const bool other_hub = access.source == HubSource::kModelScope;
  if (other_hub) name.repository = modelscope_repository(name.repository);
  return name;
}

std::vector<FetchTarget> targets_in_cache(const PullPlan& plan, const HubCache& cache) {
  const fs::path blobs = cache.folder_of(plan.repository.name) / "blobs";
  const fs::path locks = cache.locks_of(plan.repository.name);
  std::vector<FetchTarget> targets;
  for (const RemoteFile& file : plan.files) {
    targets.push_back({file, blobs / file.checksum,
                       blobs / (file.checksum + std::string(kPartExtension)),
                       locks / (file.checksum + ".lock"), blobs / (file.checksum + ".incomplete")});
  }
  return targets;
}

std::vector<FetchTarget> targets_in_folder(const PullPlan& plan, const fs::path& folder) {
  std::vector<FetchTarget> targets;
  for (const RemoteFile& file : plan.files) {
    const fs::path part = folder / kOwnFolder / file.checksum;
    targets.push_back({file, folder / file.path, part.string() + std::string(kPartExtension),
                       part.string() + ".lock", ""});
  }
  return targets;
}

std::vector<FetchTarget> targets_of(const PullPlan& plan, const PullRequest& request,
                                    const HubCache& cache) {
  return request.dir.empty() ? targets_in_cache(plan, cache) : targets_in_folder(plan, request.dir);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw InputError(fmt::format("{}: {}", folder.string(), error.message()));
}

/// A relative link, as other tools make it, in one step.
void link(const fs::path& blob, const fs::path& place) {
  make_folder(place.parent_path());
  const fs::path to = blob.lexically_relative(place.parent_path());
  const fs::path temporary = place.string() + fmt::format(".{}.tmp", ::getpid());
  std::error_code error;
  if (fs::is_symlink(place) && fs::read_symlink(place, error) == to) return;
  fs::remove(temporary, error);
  fs::create_symlink(to, temporary, error);
  if (!error) fs::rename(temporary, place, error);
  if (error) throw InputError(fmt::format("{}: {}", place.string(), error.message()));
}

/// Lets a revision (empty: main) stand for the commit.
void name_revision(const fs::path& model, const std::string& revision, const std::string& commit) {
  const std::string name = revision.empty() ? "main" : revision;
  if (name == commit) return;
  make_folder((model / "refs" / name).parent_path());
  AtomicFile ref(model / "refs" / name);
  ref.write(commit);
  ref.commit();
}

/// Links to all files, of which config.json, by which a model is known, comes last; then the
/// revision's name.
fs::path publish(const PullPlan& plan, const std::string& revision, const HubCache& cache) {
  const fs::path model = cache.folder_of(plan.repository.name);
  const fs::path snapshot = model / "snapshots" / plan.repository.commit;
  std::vector<RemoteFile> files = plan.files;
  std::stable_partition(files.begin(), files.end(),
                        [](const RemoteFile& file) { return file.path != "config.json"; });
  for (const RemoteFile& file : files) link(model / "blobs" / file.checksum, snapshot / file.path);
  name_revision(model, revision, plan.repository.commit);
  return snapshot;
}

PullPlan make_plan(HttpClient& client, const PullRequest& request, const HubAccess& access,
                   const HubCache& cache) {
  if (request.dir.empty() && cache.root().empty()) {
    throw InputError("there is no home folder to keep models in: set HF_HOME, or give --dir");
  }
  PullPlan plan;
  plan.repository = list_repository(client, access, name_at(access, request.name));
  plan.files = needed_files(plan.repository, request.file);
  for (const FetchTarget& target : targets_of(plan, request, cache)) {
    plan.bytes += target.file.size;
    if (!is_fetched(target)) plan.missing_bytes += target.file.size;
  }
  return plan;
}

/// In a folder, names say nothing of the content: another model's file there is not replaced.
void check_folder(const std::vector<FetchTarget>& targets) {
  std::error_code error;
  for (const FetchTarget& target : targets) {
    if (!fs::exists(fs::symlink_status(target.final, error))) continue;
    const bool is_file = fs::is_regular_file(target.final, error);
    const auto goes_on = [](uint64_t) { return true; };
    if (is_file && is_fetched(target) &&
        checksum_of(target.final, target.file.checksum, target.file.size, goes_on) ==
            target.file.checksum) {
      continue;
    }
    throw InputError(
        fmt::format("{}: exists, and is not the hub's {}; move it away, or give another --dir",
                    target.final.string(), target.file.path));
  }
}

fs::path finish(const PullPlan& plan, const PullRequest& request, const HubCache& cache) {
  const fs::path folder =
      request.dir.empty() ? publish(plan, request.name.revision, cache) : request.dir;
  if (!request.dir.empty()) {
    std::error_code error;
    fs::remove_all(request.dir / kOwnFolder, error);
  }
  const bool is_one_file = plan.files.size() == 1 && plan.files.front().path.ends_with(".gguf");
  return is_one_file ? folder / plan.files.front().path : folder;
}

}  // namespace

std::optional<fs::path> find_conversion(const PullRequest& request, const HubAccess& access,
                                        const HubCache& cache) {
  const ModelName name = name_at(access, request.name);
  const auto model = cache.model(name.repository);
  const bool may_be_here =
      model && std::any_of(model->conversions.begin(), model->conversions.end(),
                           [&](const auto& conversion) { return conversion.type == name.type; });
  if (!may_be_here) return std::nullopt;  // the hub need not be asked
  HttpClient client(access.http);
  const std::string commit = list_repository(client, access, name).commit;
  const fs::path path = cache.conversion_path(name.repository, commit, name.type);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  name_revision(model->folder, name.revision, commit);
  return path;
}

PullPlan plan_pull(const PullRequest& request, const HubAccess& access, const HubCache& cache) {
  HttpClient client(access.http);
  return make_plan(client, request, access, cache);
}

PulledModel pull(const PullRequest& request, const HubAccess& access, const HubCache& cache,
                 const FetchOptions& options) {
  constexpr int kMostListings = 3;
  HttpClient client(access.http);
  for (int listing = 1;; ++listing) {
    try {
      const PullPlan plan = make_plan(client, request, access, cache);
      const std::vector<FetchTarget> targets = targets_of(plan, request, cache);
      if (!request.dir.empty()) check_folder(targets);
      for (const FetchTarget& target : targets) {
        make_folder(target.final.parent_path());
        make_folder(target.part.parent_path());
      }
      FetchOptions named = options;
      named.repository = plan.repository.name;
      const uint64_t fetched = fetch(client, access, targets, named);
      return {finish(plan, request, cache), plan.repository.commit, plan.files.size(), plan.bytes,
              fetched};
    } catch (const ListedFileMissing& missing) {
      if (listing > 1) {
        throw InputError(fmt::format(
            "{}; nothing but the hub, or whoever keeps the model there, can mend that: repeat the "
            "command later, or give another --revision",
            missing.what()));
      }
      access.tell(fmt::format("{}; asking once more what it has", missing.what()));
    } catch (const RepositoryChanged& changed) {
      if (listing >= kMostListings) {
        throw InputError(
            fmt::format("{}, {} times in a row; if a proxy answers in its place, set no_proxy for "
                        "the hub, or repeat the command later",
                        changed.what(), kMostListings));
      }
      access.tell(fmt::format("{}; beginning with that one", changed.what()));
    }
  }
}

}  // namespace owl3
