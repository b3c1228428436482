// A file in use for hours, and whether somebody writes over it meanwhile.
#pragma once

#include <ctime>
#include <filesystem>

namespace owl3 {

/// To be asked before a part of a mapped file is read: where the file was cut short there is
/// nothing to read, and where it was written anew the places of its rows are others. Another file
/// under the same name (as editors save) is no harm, nor is what is appended.
class UnchangedFile {
 public:
  /// Remembers the file as it is now. Throws InputError when it can't be opened.
  explicit UnchangedFile(const std::filesystem::path& path);
  ~UnchangedFile();
  UnchangedFile(UnchangedFile&& other) noexcept;
  UnchangedFile& operator=(UnchangedFile&&) = delete;

  /// Throws Error when it is not as it was: nothing is wrong with a row that could be left out.
  /// Safe to call from several threads.
  void check() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  off_t size_ = 0;
  timespec written_{};
};

}  // namespace owl3
