#include "server/local_files.h"

#include <algorithm>
#include <span>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/mapped_file.h"
#include "server/http/percents.h"

namespace owl3::server {

namespace {

namespace fs = std::filesystem;

/// As much as a request over HTTP may bring.
constexpr size_t kMostBytes = size_t{512} << 20;

/// "//localhost/a" and "///a" are "/a".
std::string local_name(std::string_view name) {
  if (name.starts_with("//")) {
    name.remove_prefix(2);
    if (name.starts_with("localhost/")) name.remove_prefix(std::string_view("localhost").size());
    if (!name.starts_with('/')) {
      throw InputError(
          "a file: URL of another machine; write file:///home/me/a.jpg, or file:a.jpg");
    }
  }
  std::string plain = http::without_percents(name);
  if (plain.empty() || plain.find('\0') != plain.npos) throw InputError("a file: URL with no name");
  return plain;
}

/// Whether it lies in the folder, at any depth.
bool is_beneath(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

LocalFiles::LocalFiles(const std::vector<std::string>& folders, const fs::path& base,
                       std::string option)
    : base_(fs::canonical(base.empty() ? "." : base)), option_(std::move(option)) {
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path whole = fs::canonical(folder, error);
    if (error || !fs::is_directory(whole, error)) {
      throw InputError(fmt::format("{}: {} is no folder", option_, folder));
    }
    folders_.push_back(whole);
  }
}

fs::path LocalFiles::path(std::string_view name) const {
  const std::string local = local_name(name);
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(base_ / local, error);
  const bool allowed =
      !error && std::any_of(folders_.begin(), folders_.end(),
                            [&](const fs::path& folder) { return is_beneath(whole, folder); });
  if (!allowed) {
    throw InputError(
        fmt::format("{}: files are read beneath folders only that {} names", local, option_));
  }
  if (!fs::is_regular_file(whole, error)) throw InputError(local + ": there is no such file");
  return whole;
}

std::string LocalFiles::read(std::string_view name) const {
  const auto file = MappedFile::open(path(name));
  const auto bytes = file->bytes();
  if (bytes.empty()) throw InputError("an empty file");
  if (bytes.size() > kMostBytes) {
    throw InputError(fmt::format("has {} bytes; at most {} are read", bytes.size(), kMostBytes));
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace owl3::server
