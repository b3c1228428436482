#include "core/atomic_folder.h"

#include "core/error.h"

namespace owl3 {

namespace fs = std::filesystem;

namespace {

/// Everything in a folder and the folder itself, the names after what they name.
void sync_tree(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_symlink()) continue;
    if (entry.is_directory()) {
      sync_tree(entry.path());
    } else {
      sync_to_disk(entry.path());
    }
  }
  sync_to_disk(folder);
}

}  // namespace

AtomicFolder::AtomicFolder(fs::path path) : path_(fs::absolute(path)) {
  std::error_code error;
  if (fs::is_symlink(path_, error) && fs::is_directory(path_, error)) {
    path_ = fs::canonical(path_, error);
    if (error) fail(error);
  }
  for (fs::path parent = path_.parent_path(); !fs::exists(parent, error) && !error;
       parent = parent.parent_path()) {
    new_parents_.push_back(parent);
  }
  fs::create_directories(path_.parent_path(), error);
  if (error) fail(error);
  temporary_ = std::make_unique<TemporarySibling>(path_, TemporarySibling::Kind::kFolder);
}

AtomicFolder::~AtomicFolder() {
  if (temporary_ == nullptr) return;
  temporary_.reset();
  std::error_code ignored;
  for (const fs::path& parent : new_parents_) fs::remove(parent, ignored);
}

void AtomicFolder::commit() {
  try {
    sync_tree(temporary_->path());
  } catch (const fs::filesystem_error& error) {
    fail(error.code());
  }
  temporary_->take_place();
  temporary_.reset();
  sync_to_disk(path_.parent_path());
  for (const fs::path& parent : new_parents_) sync_to_disk(parent.parent_path());
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
