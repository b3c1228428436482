#include "memory/budget_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/error.h"
#include "core/temporary_sibling.h"
#include "core/unwritable.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

void write_all(int descriptor, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw_unwritable(path, count < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

struct KeptFile {
  fs::path path;
  int64_t bytes = 0;
  fs::file_time_type used;
};

std::vector<KeptFile> files_in(const fs::path& folder, const std::string& extension) {
  std::vector<KeptFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const auto size = entry->file_size(gone);
    const auto used = entry->last_write_time(gone);
    if (gone || entry->path().extension() != extension) continue;
    files.push_back({entry->path(), static_cast<int64_t>(size), used});
  }
  return files;
}

}  // namespace

BudgetFolder::BudgetFolder(fs::path folder, std::string extension, int64_t budget)
    : folder_(std::move(folder)), extension_(std::move(extension)), budget_(budget) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw InputError(fmt::format("{}: {}", folder_.string(), error.message()));
  if (!fs::is_directory(folder_, error)) {
    throw InputError(fmt::format("{}: is no folder", folder_.string()));
  }
  remove_leftovers(folder_);
  make_room(0);
}

bool BudgetFolder::holds(const std::string& name) const {
  std::error_code error;
  return fs::exists(path_of(name), error);
}

std::vector<std::string> BudgetFolder::names_with(std::string_view prefix) const {
  std::vector<std::string> names;
  for (const KeptFile& file : files_in(folder_, extension_)) {
    std::string name = file.path.stem().string();
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  return names;
}

/// Takes files away until so many bytes more are within the budget. Under the lock.
void BudgetFolder::make_room(int64_t bytes) {
  if (bytes_ > 0 && bytes_ + bytes <= budget_) return;
  std::vector<KeptFile> files = files_in(folder_, extension_);
  std::sort(files.begin(), files.end(),
            [](const KeptFile& a, const KeptFile& b) { return a.used < b.used; });
  bytes_ = 0;
  for (const KeptFile& file : files) bytes_ += file.bytes;
  // A little more than needed, so that not every file that comes has all looked through.
  const int64_t most = bytes_ + bytes > budget_ ? budget_ - budget_ / 16 : budget_;
  for (const KeptFile& file : files) {
    if (bytes_ + bytes <= most) return;
    std::error_code ignored;
    if (fs::remove(file.path, ignored)) bytes_ -= file.bytes;
  }
}

void BudgetFolder::put(const std::string& name, std::span<const std::span<const std::byte>> parts) {
  if (holds(name)) return;
  int64_t bytes = 0;
  for (const auto& part : parts) bytes += static_cast<int64_t>(part.size());
  {
    const std::lock_guard lock(mutex_);
    if (bytes > budget_) return;
    make_room(bytes);
    if (bytes_ + bytes > budget_) return;
    bytes_ += bytes;
  }
  try {
    write(name, parts);
  } catch (const InputError& error) {
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    if (failure_.empty()) failure_ = error.what();
    throw;
  }
}

void BudgetFolder::write(const std::string& name,
                         std::span<const std::span<const std::byte>> parts) const {
  const fs::path path = path_of(name);
  TemporarySibling file(path, TemporarySibling::Kind::kFile);
  for (const auto& part : parts) write_all(file.descriptor(), part, path);
  file.take_place();
}

std::string BudgetFolder::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::shared_ptr<const MappedFile> BudgetFolder::open(const std::string& name) const {
  return holds(name) ? MappedFile::open(path_of(name)) : nullptr;
}

void BudgetFolder::mark_used(const std::string& name) const {
  std::error_code ignored;
  fs::last_write_time(path_of(name), fs::file_time_type::clock::now(), ignored);
}

void BudgetFolder::remove(const std::string& name) const {
  std::error_code ignored;
  fs::remove(path_of(name), ignored);
}

}  // namespace owl3
