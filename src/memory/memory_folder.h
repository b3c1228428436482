// Memories of images that made way for others, in a folder: a file each, found again by its key, by
// any process of this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "memory/budget_folder.h"
#include "memory/memory_key.h"
#include "memory/record_layout.h"

namespace owl3 {

class MemoryFolder {
 public:
  /// Makes the folder where it isn't there. Throws InputError.
  MemoryFolder(std::filesystem::path folder, int64_t budget);

  /// Writes it, unless it is there; files not used for longest make way. What can't be written is
  /// not kept: it can be computed again. Nor is what lies on a device.
  void put(const MemoryKey& key, const ImageMemory& memory) noexcept;
  /// Mapped; null where it is not there, or not as it was written.
  ImageMemoryPtr find(const MemoryKey& key, const RecordLayout& layout) noexcept;
  /// As BudgetFolder::failure().
  std::string failure() const { return folder_.failure(); }

 private:
  BudgetFolder folder_;
};

}  // namespace owl3
