#include "runs/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCheckpointPrefix = "checkpoint-";
constexpr std::string_view kPendingSuffix = ".unfinished";

/// "checkpoint-120" -> 120
std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  name.remove_prefix(kCheckpointPrefix.size());
  int64_t step = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  return whole && step >= 0 ? std::optional(step) : std::nullopt;
}

void sync(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const int error = errno;
    if (descriptor >= 0) ::close(descriptor);
    throw InputError(fmt::format("{}: cannot be written: {}", path.string(), errno_text(error)));
  }
  ::close(descriptor);
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot be made: {}", path.string(), error.message()));
  }
}

}  // namespace

fs::path unfinished_path(fs::path path) {
  path += kPendingSuffix;
  return path;
}

PendingFolder::PendingFolder(fs::path path)
    : path_(std::move(path)), temporary_(unfinished_path(path_)) {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  make_folder(temporary_);
}

PendingFolder::PendingFolder(PendingFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)) {
  other.temporary_.clear();
}

PendingFolder::~PendingFolder() {
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void PendingFolder::commit() {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(temporary_)) {
    sync(entry.path());
  }
  sync(temporary_);
  std::error_code error;
  fs::remove_all(path_, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), error.message()));
  }
  temporary_.clear();
  sync(path_.parent_path());
}

RunFolder::RunFolder(const fs::path& path, bool resume) : path_(fs::absolute(path)) {
  make_folder(path_);
  const fs::path lock = path_ / ".lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    throw InputError(fmt::format("{}: cannot be written: {}", path.string(), errno_text(errno)));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw InputError(
        fmt::format("{}: another process is training into this folder", path.string()));
  }
  if (!resume && (fs::exists(metrics_path()) || !checkpoint_steps().empty())) {
    ::close(lock_);
    throw InputError(
        fmt::format("{}: holds a run already; --resume goes on with it, another output begins anew",
                    path.string()));
  }
  remove_leftovers();
}

RunFolder::~RunFolder() {
  ::close(lock_);
}

void RunFolder::remove_leftovers() const {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    const bool unfinished = name.ends_with(kPendingSuffix) || name.find(".part-") != name.npos;
    if (unfinished) fs::remove_all(entry.path(), ignored);
  }
}

fs::path RunFolder::checkpoint_path(int64_t step) const {
  return path_ / fmt::format("{}{}", kCheckpointPrefix, step);
}

std::vector<int64_t> RunFolder::checkpoint_steps() const {
  std::vector<int64_t> steps;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && entry.is_directory()) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<int64_t> RunFolder::last_step() const {
  return last_checkpoint_step(path_);
}

PendingFolder RunFolder::begin_checkpoint(int64_t step) const {
  return PendingFolder(checkpoint_path(step));
}

void RunFolder::finish_checkpoint(PendingFolder& folder, int64_t step, int64_t keep) const {
  folder.commit();
  AtomicFile last(path_ / "last");
  last.write(checkpoint_path(step).filename().string() + "\n");
  last.commit();
  if (keep == 0) return;
  std::vector<int64_t> steps = checkpoint_steps();
  const auto kept = std::min(steps.size(), static_cast<size_t>(keep));
  steps.resize(steps.size() - kept);
  for (const int64_t old : steps) {
    if (old == step) continue;
    std::error_code ignored;
    fs::remove_all(checkpoint_path(old), ignored);
  }
}

std::optional<int64_t> last_checkpoint_step(const fs::path& run) {
  std::ifstream file(run / "last");
  std::string name;
  if (!std::getline(file, name)) return std::nullopt;
  const std::optional<int64_t> step = step_of(name);
  if (!step || !fs::is_directory(run / name)) {
    throw InputError(fmt::format("{}: names \"{}\", which is no checkpoint of this run",
                                 (run / "last").string(), name));
  }
  return step;
}

}  // namespace owl3
