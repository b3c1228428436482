// The frozen vision encoder's features of images, kept on disk from epoch to epoch and run to run.
//
// A folder holds a file for every rank of the run that wrote it, features-RANK.owlfeat. A file is a
// header (kind of values, values per image, fingerprint of what made them) and records of one size
// (hash of the image, checksum, values), only ever appended to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/dtype.h"
#include "core/sha.h"

namespace owl3 {

/// Of all that features depend on beside the pixels: the encoder's weights and config, and
/// how pixels become its input.
using Fingerprint = Sha256::Digest;

struct FeatureCacheOptions {
  std::filesystem::path folder;  // made when missing
  int64_t rank = 0;              // the file that this process writes
  int64_t values = 0;            // of an image: L * Dv
  /// kF32, kF16 or kBF16. In the halves, features that were read are not those that were appended:
  /// a run that must not depend on what was cached reads back what it appends.
  DType type = DType::kBF16;
  Fingerprint fingerprint = {};
};

/// Safe to use from several threads. A process killed at any moment costs the record it was
/// writing, which the next opening cuts off; a record damaged otherwise counts as absent.
class FeatureCache {
 public:
  /// Reads what all ranks wrote with this fingerprint; other files of other ranks are left alone.
  /// The own file, when it is of another fingerprint, is begun anew. Throws InputError when it
  /// can't be written or is another process's.
  explicit FeatureCache(const FeatureCacheOptions& options);
  ~FeatureCache();
  FeatureCache(const FeatureCache&) = delete;
  FeatureCache& operator=(const FeatureCache&) = delete;

  /// False when there is none of that image.
  bool read(uint64_t hash, std::span<float> features);
  /// Of an image that is there already, nothing is written.
  void append(uint64_t hash, std::span<const float> features);

  bool contains(uint64_t hash) const;
  size_t size() const;
  /// Of this process's file.
  int64_t file_bytes() const;

 private:
  struct File {
    std::filesystem::path path;
    int fd = -1;
    int64_t bytes = 0;  // up to the last whole record
  };
  struct Place {
    int fd = -1;
    int64_t offset = 0;
  };

  void open_own_file();
  void open_other_files();
  void index(const File& file);
  bool has_own_header(const File& file) const;
  void close_files();

  std::vector<std::byte> header() const;
  std::vector<std::byte> record(uint64_t hash, std::span<const float> features) const;
  uint64_t checksum(uint64_t hash, std::span<const std::byte> values) const;

  FeatureCacheOptions options_;
  size_t record_bytes_ = 0;
  File own_;
  std::vector<File> others_;
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Place> places_;
};

}  // namespace owl3
