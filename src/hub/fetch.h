// Files from a hub to the disk: several at once and in pieces, gone on with after any interruption,
// and held against their checksums before they get their names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "hub/part_file.h"
#include "hub/repository.h"

namespace owl3 {

/// A file and where it goes. While it is on its way it stands at `part`, and `lock` is held.
struct FetchTarget {
  RemoteFile file;
  std::filesystem::path final;
  std::filesystem::path part;
  std::filesystem::path lock;
  std::filesystem::path
      other_part;  // what other tools may have left: the first bytes; may be empty
};

struct FetchOptions {
  std::string repository;  // for messages
  int connections = 8;
  uint64_t piece_bytes = kPieceBytes;
  size_t pieces_at_once = 256;   // asked for in one request, at most
  size_t undivided_pieces = 64;  // a file of more is shared by all connections
  bool verify = false;           // hold what is there against its checksum too
  /// Throws when the disk of the folder has not that many bytes.
  std::function<void(const std::filesystem::path& folder, uint64_t bytes)> check_space;
  /// "fetching" or "checking", bytes that are done and all.
  std::function<void(std::string_view stage, uint64_t done, uint64_t total)> progress;
};

/// The hub holds something else now than it listed: list again.
class RepositoryChanged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The hub lists a file and says that it doesn't have it: it may have changed in between.
class ListedFileMissing : public RepositoryChanged {
 public:
  using RepositoryChanged::RepositoryChanged;
};

/// Whether a file of the right size stands there already.
bool is_fetched(const FetchTarget& target);

/// Fetches what is not there, and where `verify` is set what is damaged. Returns the bytes that
/// were to be fetched. Throws InputError, Interrupted or RepositoryChanged; what has arrived is
/// kept.
uint64_t fetch(HttpClient& client, const HubAccess& access, const std::vector<FetchTarget>& targets,
               const FetchOptions& options);

}  // namespace owl3
