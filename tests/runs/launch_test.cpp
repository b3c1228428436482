// Which process this is, as three launchers tell it.
#include "runs/launch.h"

#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

Launch launched(const std::map<std::string, std::string>& variables) {
  return launch_from([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Launch, WithoutALauncherTheProcessIsAlone) {
  const Launch launch = launched({{"MASTER_ADDR", "x"}, {"RANK", "0"}});
  EXPECT_EQ(launch.world, 1);
  EXPECT_EQ(launch.address, "");
}

TEST(Launch, ReadsTorchrun) {
  const Launch launch = launched({{"RANK", "5"},
                                  {"WORLD_SIZE", "8"},
                                  {"LOCAL_RANK", "1"},
                                  {"LOCAL_WORLD_SIZE", "4"},
                                  {"MASTER_ADDR", "10.0.0.1"},
                                  {"MASTER_PORT", "1234"}});
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.world, 8);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.address, "10.0.0.1");
  EXPECT_EQ(launch.port, 1234);
}

TEST(Launch, ReadsOpenMpi) {
  const Launch launch = launched({{"OMPI_COMM_WORLD_RANK", "1"},
                                  {"OMPI_COMM_WORLD_SIZE", "2"},
                                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.address, "127.0.0.1");  // both are here
  EXPECT_EQ(launch.port, 29500);
  EXPECT_NE(message_of<UsageError>([] {
              launched({{"OMPI_COMM_WORLD_RANK", "1"},
                        {"OMPI_COMM_WORLD_SIZE", "2"},
                        {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}});
            }).find("MASTER_ADDR"),
            std::string::npos);
}

TEST(Launch, ReadsSlurm) {
  const Launch launch = launched({{"SLURM_PROCID", "9"},
                                  {"SLURM_NTASKS", "16"},
                                  {"SLURM_LOCALID", "1"},
                                  {"SLURM_NTASKS_PER_NODE", "8"},
                                  {"SLURM_JOB_NODELIST", "gpu[07-08]"},
                                  {"SLURM_JOB_ID", "123456"}});
  EXPECT_EQ(launch.rank, 9);
  EXPECT_EQ(launch.world, 16);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.address, "gpu07");
  EXPECT_EQ(launch.port, 15000 + 123456 % 20000);
}

TEST(Launch, FindsTheFirstHostOfASlurmList) {
  EXPECT_EQ(first_slurm_host("alone"), "alone");
  EXPECT_EQ(first_slurm_host("a,b[1-2]"), "a");
  EXPECT_EQ(first_slurm_host("n[003,007-9],m"), "n003");
  EXPECT_EQ(first_slurm_host("n["), "n");
}

TEST(Launch, RefusesNumbersThatMakeNoSense) {
  EXPECT_EQ(message_of<UsageError>([] {
              launched({{"RANK", "2"}, {"WORLD_SIZE", "2"}});
            }),
            "environment variable RANK: must be a whole number from 0 to 1, not \"2\"");
  EXPECT_NE(message_of<UsageError>([] {
              launched({{"RANK", "0"}, {"WORLD_SIZE", "two"}});
            }).find("WORLD_SIZE"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
