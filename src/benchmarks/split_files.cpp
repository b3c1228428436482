#include "benchmarks/split_files.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "media/natural_order.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr size_t kDigits = 5;  // of "-00000-of-00003"
constexpr std::string_view kOf = "-of-";

struct Part {
  size_t number = 0, of = 0;
};

std::optional<size_t> number_at(std::string_view text, size_t at) {
  if (at + kDigits > text.size()) return std::nullopt;
  size_t number = 0;
  const char* const end = text.data() + at + kDigits;
  const auto [rest, error] = std::from_chars(text.data() + at, end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

/// What a file's name says of its place in a split.
std::optional<Part> part_of(const std::string& name) {
  const size_t of = name.find(kOf);
  if (of == std::string::npos || of < kDigits) return std::nullopt;
  const auto number = number_at(name, of - kDigits);
  const auto count = number_at(name, of + kOf.size());
  if (!number || !count) return std::nullopt;
  return Part{*number, *count};
}

void check_whole(const std::vector<fs::path>& files, const fs::path& folder) {
  const auto name = [](const fs::path& file) { return file.filename().string(); };
  const auto first = part_of(name(files.front()));
  if (!first) return;
  std::vector<const fs::path*> parts(first->of);
  for (const fs::path& file : files) {
    const auto part = part_of(name(file));
    if (!part || part->of != first->of || part->number >= first->of || parts[part->number]) {
      throw InputError(
          fmt::format("{}: {} is none of the {} parts that {} belongs to, or is there "
                      "twice; take away what is not of the set",
                      folder.string(), name(file), first->of, name(files.front())));
    }
    parts[part->number] = &file;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != nullptr) continue;
    throw InputError(fmt::format("{}: part {:05} of {} is missing ({} is there)", folder.string(),
                                 i, first->of, name(files.front())));
  }
}

}  // namespace

std::vector<fs::path> files_named(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  const size_t star = name.find('*');
  if (star == std::string::npos) {
    if (fs::exists(folder / name, ignored)) return {folder / name};
    return {};
  }
  const fs::path parent = (folder / name).parent_path();
  const std::string last = (folder / name).filename().string();
  const std::string begin = last.substr(0, last.find('*'));
  const std::string end = last.substr(last.find('*') + 1);
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(parent, ignored), none; !ignored && entry != none;
       entry.increment(ignored)) {
    const std::string found = entry->path().filename().string();
    if (found.size() >= begin.size() + end.size() && found.starts_with(begin) &&
        found.ends_with(end)) {
      files.push_back(entry->path());
    }
  }
  sort_naturally(files);
  if (!files.empty()) check_whole(files, parent);
  return files;
}

}  // namespace owl3
