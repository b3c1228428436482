// Which of how many processes this is, from the environment that torchrun, Open MPI's mpirun and
// Slurm's srun set.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace owl3 {

struct Launch {
  int rank = 0;         // of this process
  int world = 1;        // processes
  int local_rank = 0;   // of this process on its machine: chooses a GPU
  int local_world = 1;  // processes on this machine
  std::string address;  // where rank 0 listens; empty when world is 1
  uint16_t port = 0;
};

/// The value of an environment variable.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Alone where no launcher's variables are set. Throws UsageError, naming the variable, for values
/// that make no sense, and where rank 0's address cannot be told (MASTER_ADDR).
Launch launch_from(const Environment& environment);
/// Of this process.
Launch launch_from_environment();

/// "node[03-07,12]" -> "node03"; "a,b" -> "a".
std::string first_slurm_host(const std::string& node_list);

}  // namespace owl3
