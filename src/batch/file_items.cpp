#include "batch/file_items.h"

#include <fnmatch.h>

#include <filesystem>
#include <iterator>
#include <map>
#include <span>
#include <system_error>
#include <utility>

#include "batch/item_checksum.h"
#include "core/error.h"
#include "media/file_sieve.h"
#include "media/image_kinds.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAnyFolders = "**";

/// Whether the pattern stands for the path or for an end of it, from a folder on.
bool fits(const fs::path& path, const std::string& pattern) {
  if (pattern.empty()) return true;
  const std::string text = path.generic_string();
  for (size_t begin = 0;;) {
    if (::fnmatch(pattern.c_str(), text.c_str() + begin, FNM_PATHNAME) == 0) return true;
    const size_t slash = text.find('/', begin);
    if (slash == text.npos) return false;
    begin = slash + 1;
  }
}

/// "photos/**/*.jpg": where to look, and for what.
struct DeepPattern {
  fs::path folder;
  std::string rest;
};

DeepPattern deep_pattern(const std::string& source) {
  const size_t at = source.find(kAnyFolders);
  DeepPattern pattern{source.substr(0, at), source.substr(at + kAnyFolders.size())};
  const bool stands_alone =
      (at == 0 || source[at - 1] == '/') && (pattern.rest.empty() || pattern.rest.front() == '/');
  if (!stands_alone || pattern.folder.string().find_first_of("*?[") != std::string::npos) {
    throw InputError(fmt::format(
        "{}: ** stands for all folders within one that is named: photos/**, photos/**/*.jpg",
        source));
  }
  if (pattern.folder.empty()) pattern.folder = ".";
  pattern.rest.erase(0, pattern.rest.find_first_not_of('/'));
  return pattern;
}

/// Looks into a folder and all folders in it, but for hidden ones, and for links, which may lead in
/// circles.
class Walk {
 public:
  explicit Walk(const DeepPattern& pattern) : pattern_(pattern), folders_{pattern.folder} {
    while (!folders_.empty()) {
      const fs::path folder = std::move(folders_.back());
      folders_.pop_back();
      look_into(folder);
    }
  }

  FileSieve& sieve() { return sieve_; }

 private:
  void look_into(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    const bool vanished = error == std::errc::no_such_file_or_directory;
    if (vanished && folder != pattern_.folder) return;
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      take(entry->path(), error);
      if (error) break;
    }
    if (error) throw InputError(fmt::format("{}: {}", folder.string(), error.message()));
  }

  /// An error is the folder's, in which nothing may be looked at.
  void take(const fs::path& path, std::error_code& error) {
    const fs::file_status status = fs::symlink_status(path, error);
    if (status.type() == fs::file_type::none) return;
    error.clear();
    std::error_code ignored;
    const std::string name = path.filename().string();
    if (fs::is_directory(status) && !is_hidden(name)) {
      folders_.push_back(path);
    } else if (fs::is_symlink(status) && !is_hidden(name) && fs::is_directory(path, ignored)) {
      sieve_.leave_out(LeftOutReason::kLinkToFolder);
    } else if (fits(path.lexically_relative(pattern_.folder), pattern_.rest)) {
      sieve_.add(path.lexically_normal(), name);
    }
  }

  const DeepPattern& pattern_;
  std::vector<fs::path> folders_;  // not looked into yet
  FileSieve sieve_{true};
};

void add_deep(MediaFiles& media, const std::string& source) {
  const DeepPattern pattern = deep_pattern(source);
  Walk walk(pattern);
  const std::vector<fs::path> files = walk.sieve().files();
  if (files.empty()) {
    throw InputError(fmt::format("{}: no image file or film matches this pattern{}", source,
                                 walk.sieve().why_nothing(source)));
  }
  for (const fs::path& file : files) media.files.push_back({is_film(file), file, source});
  std::vector<LeftOut> left_out = walk.sieve().left_out(source);
  std::move(left_out.begin(), left_out.end(), std::back_inserter(media.left_out));
}

using Files = std::vector<MediaFile>;

/// Folders in the order in which they first appear.
std::vector<Files> by_folder(const Files& files) {
  std::vector<Files> groups;
  std::map<fs::path, size_t> places;
  for (const MediaFile& file : files) {
    const auto [place, is_new] = places.try_emplace(file.path.parent_path(), groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(file);
  }
  return groups;
}

std::vector<Files> by_number(const Files& files, size_t number) {
  std::vector<Files> groups;
  for (size_t i = 0; i < files.size(); ++i) {
    if (i % number == 0) groups.emplace_back();
    groups.back().push_back(files[i]);
  }
  return groups;
}

class FileItems : public BatchInput {
 public:
  explicit FileItems(std::vector<Files> groups) : groups_(std::move(groups)) {}

  int64_t size() const override { return std::ssize(groups_); }
  bool has_rows() const override { return false; }

  BatchItem item(int64_t index) const override {
    BatchItem item;
    for (const MediaFile& file : groups_.at(static_cast<size_t>(index))) {
      item.media.push_back({file.is_video, file.path.string()});
      item.name.push_back(file.path.string());
    }
    if (item.name.size() == 1) item.name = item.media.front().reference;
    return item;
  }

  std::string checksum() const override {
    std::string names;
    for (const Files& group : groups_) {
      for (const MediaFile& file : group) names.append(file.path.string()).push_back('\0');
      names.push_back('\0');
    }
    return item_checksum(std::as_bytes(std::span(names)));
  }

 private:
  std::vector<Files> groups_;
};

}  // namespace

MediaFiles find_files_of_batch(const std::vector<std::string>& sources) {
  MediaFiles media;
  for (const std::string& source : sources) {
    std::error_code error;
    if (source.find(kAnyFolders) != source.npos && !fs::exists(source, error)) {
      add_deep(media, source);
      continue;
    }
    MediaFiles found = find_media_files({source});
    std::move(found.files.begin(), found.files.end(), std::back_inserter(media.files));
    std::move(found.left_out.begin(), found.left_out.end(), std::back_inserter(media.left_out));
  }
  return media;
}

std::unique_ptr<BatchInput> items_of(const Files& files, const Grouping& grouping) {
  return std::make_unique<FileItems>(grouping.by_folder
                                         ? by_folder(files)
                                         : by_number(files, static_cast<size_t>(grouping.files)));
}

}  // namespace owl3
