// How many processors a process may use.
#include "core/available_cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "scratch_folder.h"

namespace owl3 {
namespace {

/// A /proc and a /sys/fs/cgroup of the test's own.
class Machine {
 public:
  explicit Machine(const std::string& groups) { write("proc/self/cgroup", groups); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    folder_.write(name, text);
  }
  std::optional<double> quota() const { return cpu_quota(files()); }
  int cpus() const { return available_cpus(files()); }

 private:
  KernelFiles files() const { return {folder_ / "proc", folder_ / "cgroup"}; }
  ScratchFolder folder_;
};

int cpus_of_affinity() {
  cpu_set_t set;
  EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  return CPU_COUNT(&set);
}

TEST(CpuQuota, IsThatOfTheControlGroupOfVersion2) {
  const Machine machine("0::/job\n");
  machine.write("cgroup/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.write("cgroup/job/cpu.max", "max 100000\n");
  EXPECT_EQ(machine.quota(), std::nullopt);
}

TEST(CpuQuota, IsThatOfTheControlGroupOfVersion1) {
  const Machine machine("3:cpu,cpuacct:/job\n");
  machine.write("cgroup/cpu/job/cpu.cfs_quota_us", "25000\n");
  machine.write("cgroup/cpu/job/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(machine.quota(), 0.5);
  machine.write("cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(machine.quota(), std::nullopt);
}

TEST(CpuQuota, IsTheLeastOfTheGroupsAroundTheProcess) {
  const Machine machine("0::/outer/middle/job\n");
  machine.write("cgroup/outer/cpu.max", "300000 100000\n");
  machine.write("cgroup/outer/middle/cpu.max", "100000 50000\n");
  machine.write("cgroup/outer/middle/job/cpu.max", "max 100000\n");
  EXPECT_EQ(machine.quota(), 2);
  machine.write("cgroup/outer/cpu.max", "100000 100000\n");
  EXPECT_EQ(machine.quota(), 1);
}

TEST(CpuQuota, IsNoneWhereFilesAreMissingOrMakeNoSense) {
  EXPECT_EQ(Machine("").quota(), std::nullopt);
  const Machine machine("3:cpu:/job\n0::/job\n");
  machine.write("cgroup/job/cpu.max", "100000 0\n");
  machine.write("cgroup/cpu/job/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(machine.quota(), std::nullopt);
}

TEST(AvailableCpus, AreThoseOfTheAffinity) {
  EXPECT_EQ(Machine("").cpus(), cpus_of_affinity());
  std::thread([] {  // a thread of its own, whose affinity may be changed
    cpu_set_t set;
    ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &set)) --last;
    CPU_ZERO(&set);
    CPU_SET(last, &set);
    ASSERT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
    EXPECT_EQ(Machine("").cpus(), 1);
  })
      .join();
}

TEST(AvailableCpus, AreAtMostSoManyAsTheQuotaFeeds) {
  const int all = cpus_of_affinity();
  const Machine machine("0::/job\n");
  const auto with_quota = [&](int microseconds) {
    machine.write("cgroup/job/cpu.max", std::to_string(microseconds) + " 100000\n");
    return machine.cpus();
  };
  EXPECT_EQ(with_quota(100000), 1);
  EXPECT_EQ(with_quota(1000), 1);  // never none
  EXPECT_EQ(with_quota(140000), 1);
  EXPECT_EQ(with_quota(150000), std::min(all, 2));
  EXPECT_EQ(with_quota(200000), std::min(all, 2));
  EXPECT_EQ(with_quota(1000000000), all);  // more than there are
}

}  // namespace
}  // namespace owl3
