#include "batch/file_beside.h"

#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace owl3 {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool has_text(const fs::path& path, std::string_view text) {
  try {
    const auto file = MappedFile::open(path);
    return std::string_view(reinterpret_cast<const char*>(file->bytes().data()),
                            file->bytes().size()) == text;
  } catch (const InputError&) {
    return false;
  }
}

bool write_beside(const fs::path& path, std::string_view text) {
  if (!is_there(path)) {
    AtomicFile file(path);
    file.write(text);
    if (file.commit_as_new()) return true;  // else it came in the meantime
  }
  return has_text(path, text);
}

}  // namespace owl3
