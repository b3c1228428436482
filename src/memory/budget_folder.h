// Files that can be made again, in a folder that holds so many bytes of them at most: those not
// used for longest make way. Several processes may use one folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"

namespace owl3 {

class BudgetFolder {
 public:
  /// Makes the folder where it isn't there. Only files of the extension (".owlimage") are counted
  /// and make way. Throws InputError.
  BudgetFolder(std::filesystem::path folder, std::string extension, int64_t budget);

  /// Names are without the extension.
  bool holds(const std::string& name) const;
  std::vector<std::string> names_with(std::string_view prefix) const;
  /// Writes the parts one behind the other, unless a file of the name is there or there would be no
  /// room for it within the budget. Not brought to the disk: what a power cut leaves must be told
  /// by a checksum. Throws InputError.
  void put(const std::string& name, std::span<const std::span<const std::byte>> parts);
  /// What was wrong when a file could not be written for the first time; empty: all could.
  std::string failure() const;
  /// Null where it is not there.
  std::shared_ptr<const MappedFile> open(const std::string& name) const;
  /// Now, so it stays longer.
  void mark_used(const std::string& name) const;
  void remove(const std::string& name) const;

 private:
  std::filesystem::path path_of(const std::string& name) const {
    return folder_ / (name + extension_);
  }
  void make_room(int64_t bytes);
  void write(const std::string& name, std::span<const std::span<const std::byte>> parts) const;

  std::filesystem::path folder_;
  std::string extension_;
  int64_t budget_;
  mutable std::mutex mutex_;
  int64_t bytes_ = 0;  // of all files, other processes' as of the last counting
  std::string failure_;
};

}  // namespace owl3
