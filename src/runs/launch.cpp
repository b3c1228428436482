#include "runs/launch.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "core/error.h"

namespace owl3 {

namespace {

/// The names by which a launcher tells the same four numbers.
struct Launcher {
  const char* rank;
  const char* world;
  const char* local_rank;
  const char* local_world;
};

constexpr std::array<Launcher, 3> kLaunchers = {
    Launcher{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},  // torchrun
    Launcher{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
             "OMPI_COMM_WORLD_LOCAL_SIZE"},
    Launcher{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"}};

constexpr int kMaxProcesses = 100'000;
constexpr uint16_t kUsualPort = 29500;  // as torchrun has it

std::optional<int64_t> number(const Environment& environment, const char* name, int64_t min,
                              int64_t max) {
  const std::optional<std::string> text = environment(name);
  if (!text || text->empty()) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < min || value > max) {
    throw UsageError(
        fmt::format("environment variable {}: must be a whole number from {} to {}, "
                    "not \"{}\"",
                    name, min, max, *text));
  }
  return value;
}

std::string address_of(const Environment& environment, const Launch& launch) {
  const std::optional<std::string> master = environment("MASTER_ADDR");
  if (master && !master->empty()) return *master;
  if (launch.local_world == launch.world) return "127.0.0.1";
  for (const char* nodes : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"}) {
    if (const auto list = environment(nodes)) return first_slurm_host(*list);
  }
  throw UsageError(
      "several machines: set MASTER_ADDR to the address of the one with the first process");
}

/// Two jobs on one machine must not meet: Slurm's jobs have ports of their own.
uint16_t port_of(const Environment& environment) {
  if (const auto port = number(environment, "MASTER_PORT", 1, 65535)) {
    return static_cast<uint16_t>(*port);
  }
  if (const auto job = number(environment, "SLURM_JOB_ID", 0, INT64_MAX)) {
    return static_cast<uint16_t>(15000 + *job % 20000);
  }
  return kUsualPort;
}

}  // namespace

std::string first_slurm_host(const std::string& node_list) {
  const size_t end = node_list.find_first_of(",[");
  std::string host = node_list.substr(0, end);
  if (end == node_list.npos || node_list[end] == ',') return host;
  const size_t number_end = std::min(node_list.find_first_of("-,]", end), node_list.size());
  return host + node_list.substr(end + 1, number_end - end - 1);
}

Launch launch_from(const Environment& environment) {
  Launch launch;
  for (const Launcher& launcher : kLaunchers) {
    const auto world = number(environment, launcher.world, 1, kMaxProcesses);
    if (!world || !environment(launcher.rank)) continue;
    launch.world = static_cast<int>(*world);
    launch.rank =
        static_cast<int>(number(environment, launcher.rank, 0, launch.world - 1).value_or(0));
    launch.local_rank = static_cast<int>(
        number(environment, launcher.local_rank, 0, launch.world - 1).value_or(launch.rank));
    // Slurm's number is that of the job's request, whatever it holds here.
    launch.local_world = static_cast<int>(
        number(environment, launcher.local_world, 1, kMaxProcesses).value_or(launch.world));
    break;
  }
  if (launch.world > 1) {
    launch.address = address_of(environment, launch);
    launch.port = port_of(environment);
  }
  return launch;
}

Launch launch_from_environment() {
  return launch_from([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  });
}

}  // namespace owl3
