// Which control groups bind a process.
#include "core/cgroup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scratch_folder.h"

namespace owl3 {
namespace {

using Strings = std::vector<std::string>;

/// A /proc and a /sys/fs/cgroup of the test's own.
class Groups {
 public:
  explicit Groups(const std::string& lines) {
    std::filesystem::create_directories(folder_ / "proc" / "self");
    folder_.write("proc/self/cgroup", lines);
  }
  void make(const std::string& path) const {
    std::filesystem::create_directories(folder_ / "cgroup" / path);
  }
  /// "2 user/job": version and folder.
  std::vector<std::string> of(const std::string& controller) const {
    std::vector<std::string> found;
    for (const ControlGroup& group :
         control_groups(controller, {folder_ / "proc", folder_ / "cgroup"})) {
      found.push_back(std::to_string(group.version) + " " +
                      group.folder.lexically_relative(folder_ / "cgroup").string());
    }
    return found;
  }

 private:
  ScratchFolder folder_;
};

TEST(ControlGroups, AreTheProcesssOwnAndAllAroundIt) {
  const Groups groups("0::/user/job\n");
  groups.make("user/job");
  EXPECT_EQ(groups.of("cpu"), Strings({"2 user/job", "2 user", "2 ."}));
}

TEST(ControlGroups, OfVersion1AreThoseOfTheController) {
  const Groups groups("4:memory:/a/b\n3:cpuset:/c\n2:cpu:/d\n1:name=systemd:/e\n");
  for (const char* path : {"memory/a/b", "cpuset/c", "cpu/d", "systemd/e"}) groups.make(path);
  EXPECT_EQ(groups.of("memory"), Strings({"1 memory/a/b", "1 memory/a", "1 memory"}));
  EXPECT_EQ(groups.of("cpu"), Strings({"1 cpu/d", "1 cpu"}));
}

TEST(ControlGroups, OfControllersMountedTogetherAreInTheirCommonFolder) {
  const Groups groups("2:cpu,cpuacct:/d\n");
  groups.make("cpu,cpuacct/d");
  EXPECT_EQ(groups.of("cpu"), Strings({"1 cpu,cpuacct/d", "1 cpu,cpuacct"}));
  groups.make("cpu/d");  // the usual link
  EXPECT_EQ(groups.of("cpu"), Strings({"1 cpu/d", "1 cpu"}));
}

TEST(ControlGroups, OfBothVersionsAreFound) {
  const Groups groups("2:cpu:/d\n0::/e\n");
  groups.make("cpu/d");
  groups.make("unified/e");
  EXPECT_EQ(groups.of("cpu"), Strings({"1 cpu/d", "1 cpu", "2 .", "2 unified/e", "2 unified"}));
}

TEST(ControlGroups, OfAContainerAreWhatIsMountedThere) {
  const Groups groups("2:cpu:/docker/12ab\n0::/docker/12ab/inner/most\n");
  groups.make("cpu");
  groups.make("inner/most");
  EXPECT_EQ(groups.of("cpu"), Strings({"1 cpu", "2 inner/most", "2 inner", "2 ."}));
}

TEST(ControlGroups, AreNoneWhereTheKernelTellsNone) {
  EXPECT_TRUE(control_groups("cpu", {"/nowhere", "/nowhere"}).empty());
  const Groups broken("nonsense\n7:cpu\n\n");
  broken.make("cpu");
  EXPECT_EQ(broken.of("cpu"), Strings());
}

}  // namespace
}  // namespace owl3
