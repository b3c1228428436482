#include "core/cgroup.h"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace owl3 {
namespace {

namespace fs = std::filesystem;

/// Where a path told by the kernel lies under a mount. In a container it may be the host's: then
/// what is mounted is the container's group, and only the path's end, or nothing of it, lies there.
fs::path visible_part(const fs::path& mount, const fs::path& path) {
  std::error_code ignored;
  for (fs::path rest = path.relative_path(); !rest.empty();) {
    if (fs::is_directory(mount / rest, ignored)) return rest;
    fs::path shorter;
    for (auto part = std::next(rest.begin()); part != rest.end(); ++part) shorter /= *part;
    rest = std::move(shorter);
  }
  return {};
}

void add_groups(const fs::path& mount, const fs::path& path, int version,
                std::vector<ControlGroup>& groups) {
  std::error_code ignored;
  if (!fs::is_directory(mount, ignored)) return;
  for (fs::path part = visible_part(mount, path); !part.empty(); part = part.parent_path()) {
    groups.push_back({mount / part, version});
  }
  groups.push_back({mount, version});
}

}  // namespace

/// /proc/self/cgroup has lines "number:controllers:path"; version 2 has one without controllers.
std::vector<ControlGroup> control_groups(std::string_view controller, const KernelFiles& files) {
  std::vector<ControlGroup> groups;
  std::ifstream file(files.proc / "self" / "cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      add_groups(files.cgroup, path, 2, groups);
      add_groups(files.cgroup / "unified", path, 2, groups);  // both versions mounted
    } else if (fmt::format(",{},", controllers).find(fmt::format(",{},", controller)) !=
               std::string::npos) {
      // Controllers mounted together have a folder of all their names, and as a rule links to it.
      const fs::path alone = files.cgroup / controller;
      std::error_code ignored;
      add_groups(fs::is_directory(alone, ignored) ? alone : files.cgroup / controllers, path, 1,
                 groups);
    }
  }
  return groups;
}

}  // namespace owl3
