// How much memory a process may still take.
#include "core/available_memory.h"

#include <sys/resource.h>

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

TEST(AvailableMemory, IsBoundedByTheLimitOfTheAddressSpace) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer has maps of its own beyond any such limit";
#endif
  const Machine machine;
  machine.write("proc/self/status", "Name:\towl3 x\nVmSize:\t  1024 kB\nVmData:\t 1 kB\n");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  rlimit limited = before;  // of the data, as the sanitizers need all addresses
  limited.rlim_cur = 300 * kMiB;
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &limited), 0);
  const std::optional<int64_t> available = machine.available();
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &before), 0);
  EXPECT_EQ(available, 300 * kMiB - 1024);
}

}  // namespace
}  // namespace owl3
