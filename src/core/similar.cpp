#include "core/similar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace owl3 {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 256;
constexpr size_t kMostFiles = 10'000;

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Slips between two names (optimal string alignment); capitals count for nothing.
size_t slips(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      const bool exchanged = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                             lower(a[i - 2]) == lower(b[j - 1]);
      if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string most_similar(std::string_view word, std::span<const std::string> candidates) {
  if (word.size() > kLongestName) return {};
  const std::string* best = nullptr;
  size_t fewest = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t difference = candidate.size() > word.size() ? candidate.size() - word.size()
                                                             : word.size() - candidate.size();
    if (candidate.empty() || difference >= fewest) continue;
    const size_t count = slips(word, candidate);
    if (count >= fewest || count >= candidate.size()) continue;
    best = &candidate;
    fewest = count;
  }
  return best == nullptr ? std::string() : *best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string meant = most_similar(word, candidates);
  return meant.empty() ? meant : fmt::format("; did you mean {}?", meant);
}

std::string did_you_mean_file(const fs::path& missing) {
  std::error_code error;
  // The first part of it that is not there; what follows must be there under the other name.
  fs::path folder;
  fs::path rest;
  std::string name;
  for (const fs::path& part : missing) {
    if (!name.empty()) {
      rest /= part;
    } else if (fs::exists(folder / part, error)) {
      folder /= part;
    } else {
      name = part.string();
    }
  }
  if (name.empty()) return {};
  std::vector<std::string> names;
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, error);
  for (; !error && entry != fs::directory_iterator() && names.size() < kMostFiles;
       entry.increment(error)) {
    if (!rest.empty() && !fs::exists(entry->path() / rest, error)) continue;
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const std::string meant = most_similar(name, names);
  if (meant.empty()) return meant;
  const fs::path path = folder / meant;
  return fmt::format("; did you mean {}?", (rest.empty() ? path : path / rest).string());
}

}  // namespace owl3
