// How much memory a process may still take.
#include "core/available_memory.h"

#include "scratch_folder.h"

namespace owl3 {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/// A /proc and a /sys/fs/cgroup of the test's own, with 1 GiB available on the machine.
class Machine {
 public:
  Machine() {
    write("proc/meminfo", "MemTotal:  2097152 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n");
  }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    folder_.write(name, text);
  }
  void write_bytes(const std::string& name, int64_t bytes) const {
    write(name, std::to_string(bytes) + "\n");
  }
  std::optional<int64_t> available() const {
    return available_memory({folder_ / "proc", folder_ / "cgroup"});
  }

 private:
  ScratchFolder folder_;
};

TEST(AvailableMemory, IsWhatTheMachineHasWithoutSwapping) {
  EXPECT_EQ(Machine().available(), 1024 * kMiB);
}

TEST(AvailableMemory, IsUnknownWhereNothingTellsIt) {
  const ScratchFolder folder;
  EXPECT_EQ(available_memory({folder.path(), folder.path()}), std::nullopt);
}

TEST(AvailableMemory, IsBoundedByTheControlGroupOfVersion2) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/user/job\n");
  machine.write_bytes("cgroup/user/job/memory.max", 512 * kMiB);
  machine.write_bytes("cgroup/user/job/memory.current", 300 * kMiB);
  machine.write("cgroup/user/job/memory.stat", "anon 5\n");
  EXPECT_EQ(machine.available(), 212 * kMiB);
  // Cached files are given up when memory is wanted.
  machine.write("cgroup/user/job/memory.stat", "anon 5\ninactive_file 104857600\n");
  EXPECT_EQ(machine.available(), 312 * kMiB);
  machine.write("cgroup/user/job/memory.max", "max\n");
  EXPECT_EQ(machine.available(), 1024 * kMiB);
}

TEST(AvailableMemory, EndsWhereAGroupIsHeldBack) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/job\n");
  machine.write("cgroup/job/memory.max", "max\n");
  machine.write_bytes("cgroup/job/memory.high", 90 * kMiB);
  machine.write_bytes("cgroup/job/memory.current", 30 * kMiB);
  EXPECT_EQ(machine.available(), 60 * kMiB);
  machine.write_bytes("cgroup/job/memory.max", 70 * kMiB);
  EXPECT_EQ(machine.available(), 40 * kMiB);
}

TEST(AvailableMemory, IsBoundedByTheGroupsAroundIt) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/user/job\n");
  machine.write("cgroup/user/job/memory.max", "max\n");
  machine.write_bytes("cgroup/user/job/memory.current", kMiB);
  machine.write_bytes("cgroup/user/memory.max", 100 * kMiB);
  machine.write_bytes("cgroup/user/memory.current", 30 * kMiB);
  EXPECT_EQ(machine.available(), 70 * kMiB);
}

TEST(AvailableMemory, IsBoundedByTheControlGroupOfVersion1) {
  const Machine machine;
  machine.write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/host/path\n0::/\n");
  // The path is the host's: only the mount's root is there.
  machine.write_bytes("cgroup/memory/memory.limit_in_bytes", 200 * kMiB);
  machine.write_bytes("cgroup/memory/memory.usage_in_bytes", 150 * kMiB);
  machine.write("cgroup/memory/memory.stat", "total_inactive_file 10485760\n");
  EXPECT_EQ(machine.available(), 60 * kMiB);
  machine.write_bytes("cgroup/memory/memory.limit_in_bytes", 9223372036854771712);  // none
  EXPECT_EQ(machine.available(), 1024 * kMiB);
}

TEST(AvailableMemory, IsNothingWhereAGroupIsFull) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/job\n");
  machine.write_bytes("cgroup/job/memory.max", 100 * kMiB);
  machine.write_bytes("cgroup/job/memory.current", 101 * kMiB);
  EXPECT_EQ(machine.available(), 0);
}

TEST(AvailableMemory, IsBoundedByTheLimitsOfTheProcess) {
  const auto limits = [](const std::string& data, const std::string& addresses) {
    return "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max cpu time              unlimited            unlimited            seconds   \n"
           "Max data size             " +
           data +
           "            unlimited            bytes     \n"
           "Max address space         " +
           addresses + "            unlimited            bytes     \n";
  };
  const Machine machine;
  machine.write("proc/self/status", "Name:\towl3 x\nVmSize:\t  2048 kB\nVmData:\t 1 kB\n");
  machine.write("proc/self/limits", limits("unlimited", "unlimited"));
  EXPECT_EQ(machine.available(), 1024 * kMiB);
  machine.write("proc/self/limits", limits(std::to_string(300 * kMiB), "unlimited"));
  EXPECT_EQ(machine.available(), 300 * kMiB - 1024);
  machine.write("proc/self/limits", limits("unlimited", std::to_string(200 * kMiB)));
  EXPECT_EQ(machine.available(), 198 * kMiB);
}

}  // namespace
}  // namespace owl3
