// The control groups this process is in: where the kernel tells what they allow.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace owl3 {

/// Where the kernel tells it; a test has folders of its own.
struct KernelFiles {
  std::filesystem::path proc = "/proc";
  std::filesystem::path cgroup = "/sys/fs/cgroup";
};

struct ControlGroup {
  std::filesystem::path folder;
  int version;  // of control groups: 1 or 2; each has files of its own names
};

/// The groups that bind this process's use of `controller` ("cpu", "memory"): those it is in and
/// all that these lie in, as far as can be seen, for each has limits of its own. Version 2's are
/// there whether or not the controller is theirs; what a group doesn't limit it has no file for.
std::vector<ControlGroup> control_groups(std::string_view controller,
                                         const KernelFiles& files = {});

}  // namespace owl3
