// Where a file or folder stands until it is whole: beside its place, under a name that nobody else
// has, and locked, so that a later process can tell what a dead one left behind.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/bus_error.h"

namespace owl3 {

class TemporarySibling {
 public:
  enum class Kind { kFile, kFolder };

  /// Makes an empty file or folder "PATH.part-<64 random bits>" and locks it. What dead processes
  /// left of the same path goes first. Throws InputError.
  TemporarySibling(const std::filesystem::path& path, Kind kind);
  /// Unlocks; what is not there any more is nobody's, what still is gets removed.
  ~TemporarySibling();
  TemporarySibling(const TemporarySibling&) = delete;
  TemporarySibling& operator=(const TemporarySibling&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  /// Open for writing where it is a file.
  int descriptor() const { return descriptor_; }

  /// Takes its place in one step: whoever looks there sees what was there before or what is there
  /// now, whole, whenever the machine stops. A folder's former content is removed afterwards.
  /// Throws InputError, and nothing has changed then.
  void take_place();
  /// The same of a file, unless something is in its place, a link to nothing too: false then, and
  /// nothing has changed.
  bool take_empty_place();

 private:
  [[noreturn]] void fail(int error_number) const;
  void replace_folder();
  void has_taken_place();

  Kind kind_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;          // empty when it took its place
  std::optional<TemporaryPath> taken_away_;  // a file, should the process end on the way
  int descriptor_ = -1;
};

/// Removes what dead processes left in `folder`: of the file or folder `name`, or with no name of
/// all. A folder's former content that was on its way out gets its name back when there is nothing
/// of that name.
void remove_leftovers(const std::filesystem::path& folder, const std::string& name = {});

/// Brings a file or folder to the disk. Throws InputError.
void sync_to_disk(const std::filesystem::path& path);

}  // namespace owl3
