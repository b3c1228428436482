#include "core/available_cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

namespace owl3 {
namespace {

/// One number of a file; nothing when it is missing or is none.
std::optional<double> read_number(const std::filesystem::path& path) {
  std::ifstream file(path);
  double number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

/// Version 2: "150000 100000" or "max 100000", quota and period in microseconds.
std::optional<double> quota_of_version_2(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0;
  double period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

/// Version 1: the same in two files, where -1 is none.
std::optional<double> quota_of_version_1(const std::filesystem::path& group) {
  const auto quota = read_number(group / "cpu.cfs_quota_us");
  const auto period = read_number(group / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

/// The kernel refuses a set smaller than its own, which may have more than CPU_SETSIZE bits.
int cpus_of_affinity() {
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    const auto free_set = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(free_set)> set(CPU_ALLOC(cpus), free_set);
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (set == nullptr) break;
    if (::sched_getaffinity(0, bytes, set.get()) == 0) return CPU_COUNT_S(bytes, set.get());
    if (errno != EINVAL) break;
  }
  return static_cast<int>(std::thread::hardware_concurrency());  // 0 if that isn't known either
}

}  // namespace

std::optional<double> cpu_quota(const KernelFiles& files) {
  std::optional<double> least;
  for (const ControlGroup& group : control_groups("cpu", files)) {
    const std::optional<double> quota =
        group.version == 1 ? quota_of_version_1(group.folder) : quota_of_version_2(group.folder);
    if (quota) least = std::min(least.value_or(*quota), *quota);
  }
  return least;
}

int available_cpus(const KernelFiles& files) {
  const int cpus = std::max(1, cpus_of_affinity());
  const double quota = cpu_quota(files).value_or(cpus);
  return std::clamp(static_cast<int>(std::min<double>(std::round(quota), cpus)), 1, cpus);
}

}  // namespace owl3
