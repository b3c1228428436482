#include "runs/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCheckpointPrefix = "checkpoint-";

/// "checkpoint-120" -> 120
std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  name.remove_prefix(kCheckpointPrefix.size());
  int64_t step = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  return whole && step >= 0 ? std::optional(step) : std::nullopt;
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot be made: {}", path.string(), error.message()));
  }
}

/// Whether a run wrote metrics: the first step's line comes first, so an empty file is of a run
/// that ended before it.
bool has_metrics(const fs::path& run) {
  std::error_code error;
  const fs::path path = run / "metrics.jsonl";
  const uintmax_t bytes = fs::file_size(path, error);
  return error ? fs::exists(path, error) : bytes > 0;
}

/// A run begins in a folder without one, and must not end by writing over somebody's model.
void refuse_what_is_there(const fs::path& run) {
  std::error_code ignored;
  if (!fs::is_directory(run, ignored)) return;
  const bool has_run = has_metrics(run) || !checkpoint_steps_in(run).empty();
  if (!has_run && !fs::exists(run / "model")) return;
  throw InputError(fmt::format("{}: holds a {} already; {}another output begins anew", run.string(),
                               has_run ? "run" : "folder model/",
                               has_run ? "--resume goes on with it, " : ""));
}

}  // namespace

std::vector<int64_t> checkpoint_steps_in(const fs::path& run) {
  std::vector<int64_t> steps;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(run, none)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && entry.is_directory()) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
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
  try {
    if (!resume) refuse_what_is_there(path_);
    remove_leftovers(path_);
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

RunFolder::~RunFolder() {
  ::close(lock_);
}

fs::path RunFolder::checkpoint_path(int64_t step) const {
  return path_ / fmt::format("{}{}", kCheckpointPrefix, step);
}

std::vector<int64_t> RunFolder::checkpoint_steps() const {
  return checkpoint_steps_in(path_);
}

AtomicFolder RunFolder::begin_checkpoint(int64_t step) const {
  return AtomicFolder(checkpoint_path(step));
}

void RunFolder::name_newest(int64_t step, int64_t keep) const {
  std::vector<int64_t> old = checkpoint_steps();
  std::erase(old, step);
  const auto kept = keep == 0 ? old.size() : std::min(old.size(), static_cast<size_t>(keep - 1));
  old.resize(old.size() - kept);
  for (const int64_t one : old) {  // first, as a full disk may lack the room for `last`
    std::error_code ignored;
    fs::remove_all(checkpoint_path(one), ignored);
  }
  // Somebody's link would be followed into a folder.
  if (fs::is_symlink(path_ / "last")) fs::remove(path_ / "last");
  AtomicFile last(path_ / "last");
  last.write(checkpoint_path(step).filename().string() + "\n");
  last.commit();
}

void check_can_be_made(const fs::path& path) {
  fs::path there = fs::absolute(path).lexically_normal();
  std::error_code ignored;
  while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, ignored)) {
    throw InputError(
        fmt::format("{}: cannot be made: {} is not a folder", path.string(), there.string()));
  }
  if (::access(there.c_str(), W_OK | X_OK) != 0) {
    throw InputError(fmt::format("{}: cannot be written: {}", path.string(), errno_text(errno)));
  }
}

void check_run_folder(const fs::path& path, bool resume) {
  check_can_be_made(path);
  if (!resume) refuse_what_is_there(path);
}

}  // namespace owl3
