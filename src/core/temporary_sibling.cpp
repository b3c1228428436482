#include "core/temporary_sibling.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>

#include "core/error.h"
#include "core/unwritable.h"

namespace owl3 {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUnfinished = ".part-";
constexpr std::string_view kFormer = ".old-";  // content on its way out
constexpr size_t kDigits = 16;
/// So that a sibling's name, too, has at most the 255 bytes that file systems allow.
constexpr size_t kMaxOwner = 255 - kUnfinished.size() - kDigits;

/// As far as the names of siblings repeat it.
std::string owner_name(const fs::path& path) {
  return path.filename().string().substr(0, kMaxOwner);
}

fs::path sibling_name(const fs::path& path, std::string_view kind) {
  std::random_device random;
  const uint64_t bits = uint64_t{random()} << 32 | random();
  return path.parent_path() / fmt::format("{}{}{:016x}", owner_name(path), kind, bits);
}

/// Whose sibling of that kind a name is: "a.gguf.part-0123456789abcdef" -> "a.gguf".
std::optional<std::string> owner_of(std::string_view name, std::string_view kind) {
  if (name.size() <= kind.size() + kDigits) return std::nullopt;
  const std::string_view digits = name.substr(name.size() - kDigits);
  const std::string_view owner = name.substr(0, name.size() - kDigits - kind.size());
  const bool is_sibling = name.substr(owner.size(), kind.size()) == kind &&
                          digits.find_first_not_of("0123456789abcdef") == digits.npos;
  return is_sibling ? std::optional(std::string(owner)) : std::nullopt;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Inside of what this process is filling there is nothing of anybody else's.
bool is_inside_unfinished(const fs::path& folder) {
  const fs::path path = fs::absolute(folder);
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) {
    return owner_of(part.string(), kUnfinished).has_value();
  });
}

/// What takes long to remove is removed under a lock: nobody else need try.
class Lock {
 public:
  explicit Lock(const fs::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {
    holds_ = descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  }
  ~Lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  bool holds() const { return holds_; }

 private:
  int descriptor_;
  bool holds_ = false;
};

void remove_leftover(const fs::path& leftover) {
  const Lock lock(leftover);
  if (!lock.holds()) return;  // someone is at work, or the file system has no locks to tell by
  std::error_code ignored;
  fs::remove_all(leftover, ignored);
}

void give_back_or_remove(const fs::path& former, const fs::path& place) {
  const Lock lock(former);
  if (!lock.holds()) return;
  std::error_code ignored;
  if (place.filename().string().size() >= kMaxOwner) return;  // perhaps not the whole name
  // A folder is not renamed over another unless that is empty.
  if (!fs::exists(fs::symlink_status(place, ignored))) fs::rename(former, place, ignored);
  fs::remove_all(former, ignored);
}

bool names_same_file(int descriptor, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// A new, empty file or folder, open; -1 with errno, which is EEXIST where another name may do.
int create(const fs::path& path, TemporarySibling::Kind kind) {
  if (kind == TemporarySibling::Kind::kFile) {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (::mkdir(path.c_str(), 0777) != 0) return -1;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Before it was locked, another process has taken it for a dead one's, and away.
  if (descriptor < 0 && errno == ENOENT) errno = EEXIST;
  return descriptor;
}

/// Of file systems that only rename, without more conditions.
bool lacks_flags(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

}  // namespace

TemporarySibling::TemporarySibling(const fs::path& path, Kind kind) : kind_(kind), path_(path) {
  remove_leftovers(folder_of(path_), owner_name(path_));
  constexpr int kMostTries = 100;
  for (int tries = 1;; ++tries) {
    temporary_ = sibling_name(path_, kUnfinished);
    descriptor_ = create(temporary_, kind_);
    if (descriptor_ < 0 && (errno != EEXIST || tries == kMostTries)) {
      const int error_number = errno;
      temporary_.clear();
      fail(error_number);
    }
    if (descriptor_ < 0) continue;
    const bool taken = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!taken && names_same_file(descriptor_, temporary_)) break;
    ::close(descriptor_);
    descriptor_ = -1;
  }
  if (kind_ == Kind::kFile) taken_away_.emplace(temporary_.c_str());
}

TemporarySibling::~TemporarySibling() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TemporarySibling::fail(int error_number) const {
  throw_unwritable(path_, error_number);
}

void TemporarySibling::take_place() {
  // Over a file, and over an empty folder, rename() itself is the one step.
  if (::rename(temporary_.c_str(), path_.c_str()) == 0) {
    has_taken_place();
  } else if (kind_ == Kind::kFolder && (errno == ENOTEMPTY || errno == EEXIST)) {
    replace_folder();
  } else {
    fail(errno);
  }
}

bool TemporarySibling::take_empty_place() {
  OWL3_CHECK(kind_ == Kind::kFile);
  const char* from = temporary_.c_str();
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    has_taken_place();
    return true;
  }
  if (errno == EEXIST) return false;
  if (!lacks_flags(errno)) fail(errno);
  // Network file systems: a second name, which is given once only; ours goes with this object.
  if (::link(from, path_.c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  std::error_code ignored;  // no hard links either: what is there just now is seen
  if (fs::exists(fs::symlink_status(path_, ignored))) return false;
  take_place();
  return true;
}

void TemporarySibling::replace_folder() {
  fs::path former = temporary_;
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
    if (!lacks_flags(errno)) fail(errno);
    // In two steps. Between them nothing is in the place: what a process that dies there leaves is
    // put back by the next one (remove_leftovers), for which the lock is.
    former = sibling_name(path_, kFormer);
    const Lock at_work(path_);
    if (::rename(path_.c_str(), former.c_str()) != 0) fail(errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      const int error_number = errno;
      ::rename(former.c_str(), path_.c_str());
      fail(error_number);
    }
  }
  has_taken_place();
  sync_to_disk(folder_of(path_));  // what is removed next must not come back in its place
  std::error_code ignored;
  fs::remove_all(former, ignored);
}

void TemporarySibling::has_taken_place() {
  taken_away_.reset();  // it points into the path
  temporary_.clear();
}

void remove_leftovers(const fs::path& folder, const std::string& name) {
  if (is_inside_unfinished(folder)) return;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string found = entry->path().filename().string();
    if (!name.empty() && !found.starts_with(name)) continue;
    if (const auto owner = owner_of(found, kUnfinished); owner && (name.empty() || *owner == name))
      remove_leftover(entry->path());
    if (const auto owner = owner_of(found, kFormer); owner && (name.empty() || *owner == name))
      give_back_or_remove(entry->path(), folder / *owner);
  }
}

void sync_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  // Into some folders one may write and not look.
  if (descriptor < 0 && errno == EACCES && fs::is_directory(path)) return;
  // Some file systems do not know fsync() of a folder.
  if (descriptor >= 0 && (::fsync(descriptor) == 0 || errno == EINVAL)) {
    ::close(descriptor);
    return;
  }
  const int error_number = errno;
  if (descriptor >= 0) ::close(descriptor);
  throw_unwritable(path, error_number);
}

}  // namespace owl3
