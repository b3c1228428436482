// Files are read with pread, not mapped: they grow while they are read, and one that another
// program cuts short must not end a training run.
#include "training_data/feature_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr std::array<char, 8> kMagic = {'o', 'w', 'l', '3', 'f', 'e', 'a', 't'};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kRecordHeaderBytes = 16;  // hash, checksum
constexpr int64_t kMostValues = int64_t{1} << 32;
constexpr std::string_view kExtension = ".owlfeat";

/// Writes to the beginning of `rest`, which then begins after it.
template <typename T>
void put(std::span<std::byte>& rest, const T& value) {
  std::memcpy(rest.data(), &value, sizeof value);
  rest = rest.subspan(sizeof value);
}

/// Whether all of it could be read.
bool read_at(int fd, int64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += count;
  }
  return true;
}

/// 0, or the errno of what went wrong.
int write_at(int fd, int64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : ENOSPC;
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += count;
  }
  return 0;
}

int64_t size_of_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? int64_t{status.st_size} : -1;
}

void encode(std::span<const float> features, DType type, std::span<std::byte> bytes) {
  for (const float value : features) {
    if (type == DType::kF32) put(bytes, value);
    if (type == DType::kF16) put(bytes, f16::from_float(value));
    if (type == DType::kBF16) put(bytes, bf16::from_float(value));
  }
}

template <typename T>
void decode_as(std::span<const std::byte> bytes, std::span<float> features) {
  for (size_t i = 0; i < features.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    features[i] = static_cast<float>(value);
  }
}

void decode(std::span<const std::byte> bytes, DType type, std::span<float> features) {
  if (type == DType::kF32) decode_as<float>(bytes, features);
  if (type == DType::kF16) decode_as<f16>(bytes, features);
  if (type == DType::kBF16) decode_as<bf16>(bytes, features);
}

}  // namespace

FeatureCache::FeatureCache(const FeatureCacheOptions& options) : options_(options) {
  const bool plain =
      options.type == DType::kF32 || options.type == DType::kF16 || options.type == DType::kBF16;
  if (options.values < 1 || options.values > kMostValues || options.rank < 0 || !plain) {
    throw UsageError(fmt::format("a feature cache of {} values in {} for rank {} can't be",
                                 options.values, name_of(options.type), options.rank));
  }
  record_bytes_ = kRecordHeaderBytes + bytes_of(options.type, options.values);
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) {
    throw InputError(
        fmt::format("{}: can't be made: {}", options.folder.string(), error.message()));
  }
  try {
    open_own_file();
    open_other_files();
  } catch (...) {
    close_files();
    throw;
  }
}

FeatureCache::~FeatureCache() {
  close_files();
}

void FeatureCache::close_files() {
  if (own_.fd >= 0) ::close(own_.fd);
  for (const File& file : others_) ::close(file.fd);
}

void FeatureCache::open_own_file() {
  own_.path = options_.folder / fmt::format("features-{}{}", options_.rank, kExtension);
  const std::string name = own_.path.string();
  own_.fd = ::open(own_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (own_.fd < 0) {
    throw InputError(fmt::format("{}: can't be opened: {}", name, errno_text(errno)));
  }
  if (::flock(own_.fd, LOCK_EX | LOCK_NB) != 0) {
    throw InputError(fmt::format("{}: is in use by another process", name));
  }
  own_.bytes = size_of_file(own_.fd);
  if (own_.bytes < 0) throw InputError(fmt::format("{}: not a regular file", name));
  if (has_own_header(own_)) {
    const auto records = static_cast<int64_t>(record_bytes_);
    own_.bytes -= (own_.bytes - static_cast<int64_t>(kHeaderBytes)) % records;
  } else {
    own_.bytes = 0;
  }
  // What a killed process left unfinished, or all there is of another encoder.
  if (::ftruncate(own_.fd, own_.bytes) != 0) {
    throw InputError(fmt::format("{}: can't be written: {}", name, errno_text(errno)));
  }
  if (own_.bytes == 0) {
    if (const int problem = write_at(own_.fd, 0, header()); problem != 0) {
      throw InputError(fmt::format("{}: can't be written: {}", name, errno_text(problem)));
    }
    own_.bytes = kHeaderBytes;
  }
  index(own_);
}

void FeatureCache::open_other_files() {
  std::error_code ignored;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder, ignored)) {
    if (entry.path().extension() == kExtension && entry.path() != own_.path) {
      paths.push_back(entry.path());
    }
  }
  for (const std::filesystem::path& path : paths) {
    File file{path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), 0};
    if (file.fd < 0) continue;
    file.bytes = size_of_file(file.fd);
    others_.push_back(file);  // closed in the end
    if (has_own_header(file)) index(file);
  }
}

bool FeatureCache::has_own_header(const File& file) const {
  std::vector<std::byte> found(kHeaderBytes);
  return read_at(file.fd, 0, found) && found == header();
}

void FeatureCache::index(const File& file) {
  const auto records = static_cast<int64_t>(record_bytes_);
  for (int64_t at = kHeaderBytes; at + records <= file.bytes; at += records) {
    uint64_t hash = 0;
    if (!read_at(file.fd, at, std::as_writable_bytes(std::span(&hash, 1)))) return;
    places_[hash] = {file.fd, at};
  }
}

std::vector<std::byte> FeatureCache::header() const {
  std::vector<std::byte> bytes(kHeaderBytes);
  std::span<std::byte> rest(bytes);
  put(rest, kMagic);
  put(rest, kVersion);
  put(rest, static_cast<uint32_t>(options_.type));
  put(rest, static_cast<uint64_t>(options_.values));
  put(rest, options_.fingerprint);
  return bytes;
}

std::vector<std::byte> FeatureCache::record(uint64_t hash, std::span<const float> features) const {
  std::vector<std::byte> bytes(record_bytes_);
  const std::span<std::byte> values = std::span(bytes).subspan(kRecordHeaderBytes);
  encode(features, options_.type, values);
  std::span<std::byte> rest(bytes);
  put(rest, hash);
  put(rest, checksum(hash, values));
  return bytes;
}

/// Of the values, the hash and the fingerprint, so that no record passes for another's, and none of
/// a file that was begun anew for one of the old.
uint64_t FeatureCache::checksum(uint64_t hash, std::span<const std::byte> values) const {
  constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
  uint64_t sum = hash;
  const auto add = [&](std::span<const std::byte> bytes) {
    for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
      sum = (std::rotl(sum, 29) ^ word) * kPrime;
    }
  };
  add(std::as_bytes(std::span(options_.fingerprint)));
  add(values);
  return sum ^ (sum >> 32);
}

bool FeatureCache::read(uint64_t hash, std::span<float> features) {
  OWL3_CHECK(static_cast<int64_t>(features.size()) == options_.values);
  Place place;
  {
    const std::lock_guard lock(mutex_);
    const auto known = places_.find(hash);
    if (known == places_.end()) return false;
    place = known->second;
  }
  std::vector<std::byte> bytes(record_bytes_);
  uint64_t written_hash = 0;
  uint64_t written_sum = 0;
  if (read_at(place.fd, place.offset, bytes)) {
    std::memcpy(&written_hash, bytes.data(), sizeof written_hash);
    std::memcpy(&written_sum, bytes.data() + sizeof written_hash, sizeof written_sum);
    const auto values = std::span<const std::byte>(bytes).subspan(kRecordHeaderBytes);
    if (written_hash == hash && written_sum == checksum(hash, values)) {
      decode(values, options_.type, features);
      return true;
    }
  }
  const std::lock_guard lock(mutex_);
  places_.erase(hash);  // damaged: as if it had never been there, so that it can be appended
  return false;
}

void FeatureCache::append(uint64_t hash, std::span<const float> features) {
  OWL3_CHECK(static_cast<int64_t>(features.size()) == options_.values);
  const std::vector<std::byte> bytes = record(hash, features);
  const std::lock_guard lock(mutex_);
  if (places_.contains(hash)) return;
  if (const int problem = write_at(own_.fd, own_.bytes, bytes); problem != 0) {
    throw InputError(
        fmt::format("{}: can't be written: {}", own_.path.string(), errno_text(problem)));
  }
  places_[hash] = {own_.fd, own_.bytes};
  own_.bytes += static_cast<int64_t>(bytes.size());
}

bool FeatureCache::contains(uint64_t hash) const {
  const std::lock_guard lock(mutex_);
  return places_.contains(hash);
}

size_t FeatureCache::size() const {
  const std::lock_guard lock(mutex_);
  return places_.size();
}

int64_t FeatureCache::file_bytes() const {
  const std::lock_guard lock(mutex_);
  return own_.bytes;
}

}  // namespace owl3
