#include "core/atomic_folder.h"

#include <unistd.h>

#include "core/error.h"

namespace owl3 {

namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(fs::path path) : path_(std::move(path)) {
  temporary_ = path_;
  temporary_ += fmt::format(".part-{}", ::getpid());
  std::error_code error;
  for (fs::path parent = path_.parent_path(); !fs::exists(parent, error) && !error;
       parent = parent.parent_path()) {
    new_parents_.push_back(parent);
  }
  fs::create_directories(temporary_, error);
  if (error) fail(error);
}

AtomicFolder::~AtomicFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  for (const fs::path& parent : new_parents_) fs::remove(parent, ignored);
}

void AtomicFolder::commit() {
  fs::path old = path_;
  old += fmt::format(".old-{}", ::getpid());
  std::error_code error;
  const bool replaces = fs::exists(path_);
  if (replaces) fs::rename(path_, old, error);
  if (error) fail(error);
  fs::rename(temporary_, path_, error);
  if (error) {
    std::error_code ignored;
    if (replaces) fs::rename(old, path_, ignored);
    fail(error);
  }
  committed_ = true;
  if (replaces) fs::remove_all(old, error);
}

void AtomicFolder::fail(const std::error_code& error) const {
  throw InputError(fmt::format("{}: cannot be written: {}", path_.string(), error.message()));
}

fs::path output_folder(const std::string& text) {
  if (text.empty()) throw UsageError("OUT is empty: name the folder to write");
  const fs::path path = fs::absolute(text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace owl3
