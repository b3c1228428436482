// A .zip file of small parts, stored as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace owl3 {

class ZipFile {
 public:
  void add(const std::string& name, std::string_view content);
  /// The whole file, at most 4 GiB.
  std::string bytes() const;

 private:
  std::string parts_, directory_;
  uint16_t count_ = 0;
};

}  // namespace owl3
