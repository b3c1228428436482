#include "api/memory_names.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

namespace owl3 {

namespace {

std::string last_part(const MediumRecord& medium) {
  return std::filesystem::path(medium.path).filename().string();
}

bool is_called(const MediumRecord& medium, const std::string& name) {
  return medium.path == name || last_part(medium) == name;
}

/// "2024/*.jpg" names "trip/2024/1.jpg" by no part of it, but "1.jpg" and "trip/2024/*" do.
bool fits(const MediumRecord& medium, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), medium.path.c_str(), 0) == 0 ||
         ::fnmatch(pattern.c_str(), last_part(medium).c_str(), 0) == 0;
}

}  // namespace

MemoryNames::MemoryNames(std::string pattern, const Catalogue& catalogue)
    : pattern_(std::move(pattern)),
      is_name_(
          std::any_of(catalogue.media.begin(), catalogue.media.end(),
                      [&](const MediumRecord& medium) { return is_called(medium, pattern_); })) {}

bool MemoryNames::has(const MediumRecord& medium) const {
  return is_name_ ? is_called(medium, pattern_) : fits(medium, pattern_);
}

}  // namespace owl3
