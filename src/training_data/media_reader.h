// Where a sample's media are: files, files in tar archives, data: URLs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "core/mapped_file.h"
#include "owl3/options.h"
#include "training_data/tar_archive.h"

namespace owl3 {

/// The bytes of a medium, with whatever keeps them alive.
struct MediaBytes {
  std::span<const std::byte> bytes;
  std::string name;  // for error messages
  std::shared_ptr<const void> owner;
};

/// Whether the medium stands in the JSONL itself, as a data: URL.
bool is_inline_medium(const std::string& reference);

/// What a sample writes, with a path made relative to `root`. Throws InputError for a web address.
std::string resolve_medium(const std::string& reference, const std::filesystem::path& root);

/// Opens media; keeps archives open, and the numbers of frames of films. Safe to use from several
/// threads.
class MediaReader {
 public:
  /// `reference` is resolved: a path, a path that leads into a tar archive
  /// ("folder/pictures.tar/000123.png"), or "data:...;base64,...". Throws InputError.
  MediaBytes read(const std::string& reference);
  /// The path of a film; InputError when it is not a plain file, which films must be.
  std::filesystem::path film(const std::string& reference) const;
  /// How many frames of the film are sampled; reads the film the first time.
  int64_t frame_count(const std::string& reference, const VideoOptions& options);

 private:
  std::shared_ptr<const TarArchive> archive(const std::filesystem::path& path);

  std::mutex mutex_;
  std::map<std::filesystem::path, std::shared_ptr<const TarArchive>> archives_;
  std::map<std::string, int64_t> frame_counts_;
};

}  // namespace owl3
