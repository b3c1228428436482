// Which photos and films of a memory file a name or pattern means.
#pragma once

#include <string>

#include "memory/catalogue.h"

namespace owl3 {

class MemoryNames {
 public:
  /// Where something in the catalogue is called so, by its path or the last part of it, that is
  /// meant, whatever letters it has ("[1].jpg"); else what fits the pattern.
  MemoryNames(std::string pattern, const Catalogue& catalogue);

  bool has(const MediumRecord& medium) const;

 private:
  std::string pattern_;
  bool is_name_;
};

}  // namespace owl3
