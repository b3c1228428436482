// Files of this machine that requests name by file: URLs, beneath folders that whoever runs the
// requests has allowed, and nowhere that a name or a link could lead to.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace owl3::server {

/// May be used by several threads.
class LocalFiles {
 public:
  /// `base`: the folder that relative names are seen from, which is there. `option`: what allows
  /// further folders, for messages. Throws InputError for a folder that is none.
  LocalFiles(const std::vector<std::string>& folders, const std::filesystem::path& base,
             std::string option);

  /// Where the file of a URL lies, without links: what stands behind "file:", "///home/a.jpg",
  /// "/home/a.jpg" or "photos/a.jpg", with percent signs for what a URL may not have. Throws
  /// InputError.
  std::filesystem::path path(std::string_view name) const;
  /// All bytes of such a file. Throws InputError.
  std::string read(std::string_view name) const;

 private:
  std::vector<std::filesystem::path> folders_;  // without links
  std::filesystem::path base_;
  std::string option_;
};

}  // namespace owl3::server
