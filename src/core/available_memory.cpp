#include "core/available_memory.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace owl3 {
namespace {

namespace fs = std::filesystem;

/// A file of one number; nothing when it is missing or says "max".
std::optional<int64_t> read_number(const fs::path& path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (!(file >> number) || number < 0) return std::nullopt;
  return number;
}

/// The number behind a word that begins a line: "MemAvailable: 123 kB", "inactive_file 123".
std::optional<int64_t> read_line_number(const fs::path& path, std::string_view word) {
  std::ifstream file(path);
  std::string key;
  int64_t number = 0;
  for (std::string rest; file >> key; std::getline(file, rest)) {
    if (key == word && file >> number) return number;
  }
  return std::nullopt;
}

class Least {
 public:
  void take(std::optional<int64_t> bytes) {
    if (bytes) least_ = std::min(least_.value_or(*bytes), std::max<int64_t>(*bytes, 0));
  }
  std::optional<int64_t> get() const { return least_; }

 private:
  std::optional<int64_t> least_;
};

/// The names of a group's files in one version of control groups.
struct GroupFiles {
  const char* limit;
  const char* throttle;  // beyond it the group is held back until it hardly runs
  const char* usage;
  const char* active_cache;
  const char* inactive_cache;
};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", nullptr, "memory.usage_in_bytes",
                                  "total_active_file", "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.high", "memory.current", "active_file",
                                  "inactive_file"};

/// What a group leaves. Caches of files count as used there, but are given up when memory is asked
/// for.
std::optional<int64_t> left_in(const fs::path& group, const GroupFiles& names) {
  Least least;
  least.take(read_number(group / names.limit));
  if (names.throttle != nullptr) least.take(read_number(group / names.throttle));
  const std::optional<int64_t> limit = least.get();
  const std::optional<int64_t> usage = read_number(group / names.usage);
  if (!limit || !usage) return std::nullopt;
  const fs::path counts = group / "memory.stat";
  const int64_t cached = read_line_number(counts, names.active_cache).value_or(0) +
                         read_line_number(counts, names.inactive_cache).value_or(0);
  return *limit - std::max<int64_t>(*usage - cached, 0);
}

void take_control_groups(const KernelFiles& files, Least& least) {
  for (const ControlGroup& group : control_groups("memory", files)) {
    least.take(left_in(group.folder, group.version == 1 ? kVersion1 : kVersion2));
  }
}

std::optional<int64_t> kibibytes(std::optional<int64_t> count) {
  if (!count) return std::nullopt;
  return *count * 1024;
}

/// /proc/self/limits has lines "Max data size    unlimited    unlimited    bytes", the soft limit
/// first; nothing where there is none.
std::optional<int64_t> read_limit(const fs::path& limits, const std::string& name) {
  std::ifstream file(limits);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name + " ")) continue;
    std::istringstream rest(line.substr(name.size()));
    int64_t limit = 0;
    return rest >> limit ? std::optional(limit) : std::nullopt;
  }
  return std::nullopt;
}

void take_process_limits(const KernelFiles& files, Least& least) {
  constexpr struct {
    const char* limit;
    const char* used;
  } kLimits[] = {{"Max address space", "VmSize:"}, {"Max data size", "VmData:"}};
  for (const auto& [name, used] : kLimits) {
    const auto limit = read_limit(files.proc / "self" / "limits", name);
    const auto bytes = kibibytes(read_line_number(files.proc / "self" / "status", used));
    if (limit && bytes) least.take(*limit - *bytes);
  }
}

}  // namespace

std::optional<int64_t> available_memory(const KernelFiles& files) {
  Least least;
  least.take(kibibytes(read_line_number(files.proc / "meminfo", "MemAvailable:")));
  take_control_groups(files, least);
  take_process_limits(files, least);
  return least.get();
}

}  // namespace owl3
