// The models that lie in Hugging Face's cache, where its own tools find them, and what owl3 keeps
// beside them:
//
//   models--ORG--NAME/blobs/CHECKSUM              the files
//                     snapshots/COMMIT/FILE       links to them
//                     refs/main                   names a commit
//                     owl3/COMMIT/NAME-q4_k.gguf  conversions; not looked at by other tools
//   .locks/models--ORG--NAME/CHECKSUM.lock        held by who downloads that file
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// What owl3 gives a file of blobs/ that is on its way.
inline constexpr std::string_view kPartExtension = ".owl3-part";

struct CachedConversion {
  std::string commit;  // that it was made of
  std::string type;    // "q4_k"
  std::filesystem::path path;
  uint64_t bytes = 0;
};

struct CachedSnapshot {
  std::string commit;
  std::string refs;  // "main, v1.0"
  bool complete = false;
};

struct CachedModel {
  std::string repository;
  std::filesystem::path folder;
  std::vector<CachedSnapshot> snapshots;
  std::vector<CachedConversion> conversions;
  std::string main;  // the commit that the name alone stands for; may be empty
  std::map<std::string, std::string> refs;  // commit -> "main, v1.0", of commits without files too
  uint64_t bytes = 0;                       // of what was downloaded, whole
  bool has_parts = false;                   // files are on their way
  uint64_t part_bytes = 0;                  // of them, that have arrived
};

class HubCache {
 public:
  /// Of the folder that the environment names (environment.h), or another.
  HubCache();
  explicit HubCache(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path folder_of(const std::string& repository) const;
  std::filesystem::path locks_of(const std::string& repository) const;

  /// The commit that a revision stands for here; a commit stands for itself, and an empty revision
  /// for main, or where that has no name here for all there is.
  std::optional<std::string> commit_of(const std::string& repository,
                                       const std::string& revision) const;
  /// The snapshot of that revision, complete or not.
  std::optional<std::filesystem::path> snapshot(const std::string& repository,
                                                const std::string& revision) const;
  /// Where the conversion of a commit to a type lies, or would.
  std::filesystem::path conversion_path(const std::string& repository, const std::string& commit,
                                        const std::string& type) const;

  /// The models of this family, sorted by name.
  std::vector<CachedModel> models() const;
  /// All that is here of a repository, whatever model it is; nothing when nothing is.
  std::optional<CachedModel> model(const std::string& repository) const;

 private:
  std::filesystem::path root_;
};

/// What stands behind the @ for that commit: "v1.0", the commit itself, or nothing where the
/// model's name alone stands for it.
std::string revision_of(const CachedModel& model, const std::string& commit);

/// Whether nothing that owl3 needs of a model is missing in a snapshot: a config and all weights,
/// or a single GGUF file.
bool is_complete_snapshot(const std::filesystem::path& snapshot);
/// The only GGUF file of a snapshot without config.json, as hubs have them too.
std::optional<std::filesystem::path> only_gguf_in(const std::filesystem::path& snapshot);

}  // namespace owl3
