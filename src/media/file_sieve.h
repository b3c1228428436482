// What folders and patterns hold, sorted into what is wanted and the rest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "owl3/image_files.h"

namespace owl3 {

/// Why a file is left out. The order is that of the telling.
enum class LeftOutReason {
  kNoImage,
  kFilm,
  kRawPhoto,
  kUnreadImage,
  kUnreadable,
  kDanglingLink,
  kSpecial,
  kLinkToFolder,
  kFolder,
  kHidden
};

class FileSieve {
 public:
  /// For images, and films too or not.
  explicit FileSieve(bool films) : films_(films) {}

  /// `name` is how the file is called where hidden ones are told by their names.
  void add(const std::filesystem::path& path, const std::string& name);
  void leave_out(LeftOutReason reason, const std::string& extension = "") {
    ++counts_[{reason, extension}];
  }

  /// What is wanted, in natural order; then it is empty.
  std::vector<std::filesystem::path> files();
  /// The rest, with a count for each reason.
  std::vector<LeftOut> left_out(const std::string& where) const;
  /// ": 2 .txt files are not images; ...", or nothing.
  std::string why_nothing(const std::string& where) const;

 private:
  void add_file(const std::filesystem::path& path);

  bool films_;
  std::vector<std::filesystem::path> files_;
  std::map<std::pair<LeftOutReason, std::string>, int64_t> counts_;
};

/// A file that the name doesn't tell of, and that doesn't begin like an image, is tried as a film.
/// Throws InputError where it can't be read.
bool is_film(const std::filesystem::path& path);

}  // namespace owl3
