// A file that lines or records are appended to, each whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace owl3 {

class AppendFile {
 public:
  enum class Begin {
    kNew,      // the name must be free
    kGoingOn,  // after what the file holds, if it is there
  };

  /// Throws InputError when it cannot be opened for writing.
  AppendFile(std::filesystem::path path, Begin begin);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// At once in the file. Throws InputError (disk full, ...), with nothing of `bytes` left in the
  /// file: the next append, when there is room again, stands where this one would have.
  void append(std::string_view bytes);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace owl3
