// What this machine and this process are, as the system tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace owl3 {

struct MachineMemory {
  int64_t total_bytes = 0;
  int64_t available_bytes = 0;
};

/// What /proc/meminfo says; nothing where there is none.
std::optional<MachineMemory> machine_memory();

/// "AMD EPYC 9354 32-Core Processor", from /proc/cpuinfo; "unknown processor" where it is silent.
std::string processor_name();

/// The most memory this process has held, since the last reset where the system can reset it.
int64_t peak_memory_bytes();
void reset_peak_memory();

/// The command line as it can be typed again: "owl3 bench MODEL -t 1". The program by its name.
std::string command_line();

}  // namespace owl3
