#include "training_data/media_reader.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "media/video.h"

namespace owl3 {
namespace {

constexpr std::string_view kInline = "data:";
constexpr std::string_view kBase64 = ";base64,";
constexpr std::string_view kArchive = ".tar/";

/// Begins of error lines must stay readable where the reference is megabytes of base64.
std::string shortened(const std::string& reference) {
  constexpr size_t kLongest = 60;
  return reference.size() <= kLongest ? reference : reference.substr(0, kLongest) + "...";
}

int value_of_base64(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// Lines of it are put together, as encoders for e-mail write them.
std::vector<std::byte> decode_base64(std::string_view text, const std::string& name) {
  constexpr std::string_view kPadding = "=\r\n";
  while (!text.empty() && kPadding.find(text.back()) != kPadding.npos) text.remove_suffix(1);
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const int value = value_of_base64(c);
    if (value < 0) throw InputError(fmt::format("{}: not valid base64", name));
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
  }
  if (count >= 6) throw InputError(fmt::format("{}: not valid base64, or cut off", name));
  return bytes;
}

MediaBytes read_inline(const std::string& reference) {
  std::string name = shortened(reference);
  const size_t at = reference.find(kBase64);
  if (at == std::string::npos) {
    throw InputError(fmt::format("{}: a data: URL must be in base64", name));
  }
  const auto bytes = std::make_shared<const std::vector<std::byte>>(
      decode_base64(std::string_view(reference).substr(at + kBase64.size()), name));
  return {*bytes, std::move(name), bytes};
}

/// A path that leads through a file called *.tar, as that file and the name in it.
std::optional<std::pair<std::filesystem::path, std::string>> in_archive(
    const std::string& reference) {
  for (size_t at = reference.find(kArchive); at != std::string::npos;
       at = reference.find(kArchive, at + 1)) {
    std::filesystem::path archive = reference.substr(0, at + kArchive.size() - 1);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(archive, ignored)) {
      return std::pair(std::move(archive), reference.substr(at + kArchive.size()));
    }
  }
  return std::nullopt;
}

/// "https://...", "s3://...": letters before the first colon, and two slashes after it.
bool is_web_address(const std::string& reference) {
  const size_t at = reference.find("://");
  return at != std::string::npos && at > 0 &&
         std::all_of(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(at),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

bool is_inline_medium(const std::string& reference) {
  return reference.starts_with(kInline);
}

std::string resolve_medium(const std::string& reference, const std::filesystem::path& root) {
  if (is_inline_medium(reference)) return reference;
  if (is_web_address(reference)) {
    throw InputError(
        fmt::format("{}: media are not fetched from the web; download the file and give its path",
                    shortened(reference)));
  }
  return (root / reference).string();
}

MediaBytes MediaReader::read(const std::string& reference) {
  if (is_inline_medium(reference)) return read_inline(reference);
  if (const auto place = in_archive(reference)) {
    std::shared_ptr<const TarArchive> tar = archive(place->first);
    const auto bytes = tar->find(place->second);
    if (!bytes) {
      throw InputError(
          fmt::format("{}: the archive has no {}", place->first.string(), place->second));
    }
    return {*bytes, reference, std::move(tar)};
  }
  std::shared_ptr<const MappedFile> file = MappedFile::open(reference);
  return {file->bytes(), reference, std::move(file)};
}

std::shared_ptr<const TarArchive> MediaReader::archive(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const TarArchive>& known = archives_[path];
  if (known == nullptr) known = TarArchive::open(path);
  return known;
}

std::filesystem::path MediaReader::film(const std::string& reference) const {
  if (is_inline_medium(reference) || in_archive(reference)) {
    throw InputError(fmt::format("{}: a video must be a file of its own", shortened(reference)));
  }
  return reference;
}

int64_t MediaReader::frame_count(const std::string& reference, const VideoOptions& options) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = frame_counts_.find(reference);
    if (known != frame_counts_.end()) return known->second;
  }
  // Not under the lock: it may take seconds. Two threads that count the same film find the same.
  const int64_t frames = VideoReader::open(film(reference), options).frames();
  const std::lock_guard lock(mutex_);
  return frame_counts_[reference] = frames;
}

}  // namespace owl3
