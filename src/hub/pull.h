// A model from a hub into the cache, or into a folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/cache.h"
#include "hub/fetch.h"
#include "hub/model_name.h"
#include "hub/repository.h"

namespace owl3 {

struct PullRequest {
  ModelName name;
  std::string file;           // one of the repository; empty: what owl3 needs
  std::filesystem::path dir;  // instead of the cache; may be empty
};

struct PullPlan {
  Repository repository;
  std::vector<RemoteFile> files;  // that are needed
  uint64_t bytes = 0;             // of them
  uint64_t missing_bytes = 0;     // of those that are not there
};

struct PulledModel {
  std::filesystem::path path;  // what a MODEL may be
  std::string commit;
  size_t files = 0;
  uint64_t bytes = 0;
  uint64_t fetched_bytes = 0;  // of them, by this call
};

/// Where the conversion to the type of the request lies, if it is here and was made of what the hub
/// has now; the revision gets its name then, as by a pull. Throws InputError.
std::optional<std::filesystem::path> find_conversion(const PullRequest& request,
                                                     const HubAccess& access,
                                                     const HubCache& cache);

/// What would be fetched. Throws InputError.
PullPlan plan_pull(const PullRequest& request, const HubAccess& access, const HubCache& cache);

/// Fetches it; a model that is there already costs two questions to the hub. The snapshot gets its
/// links, and the revision its name, when all files are there. Throws InputError, or Interrupted.
PulledModel pull(const PullRequest& request, const HubAccess& access, const HubCache& cache,
                 const FetchOptions& options);

}  // namespace owl3
