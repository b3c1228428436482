#include "train/distributed.h"

#include <torch/version.h>

#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "core/error.h"

namespace owl3::train {

namespace {

// c10d split the communication off the process group in its second version.
#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

/// c10d's messages go on for lines, with a trace of calls.
std::string first_line(const std::exception& error) {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      c10_error != nullptr ? c10_error->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

c10::intrusive_ptr<c10d::Store> meet(const Launch& launch, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = launch.rank == 0;
  options.numWorkers = static_cast<size_t>(launch.world);
  options.timeout = timeout;
  return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
}

c10::intrusive_ptr<Backend> make_backend(const Launch& launch, torch::Device device,
                                         std::chrono::milliseconds timeout) {
  const auto store = meet(launch, timeout);
#ifdef USE_C10D_NCCL
  if (device.is_cuda()) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, launch.rank, launch.world, options);
  }
#endif
  OWL3_CHECK(device.is_cpu());
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  // On one machine the loopback is there whatever the machine is called.
  const bool local = launch.address == "127.0.0.1" || launch.address == "localhost";
  options->devices.push_back(local ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                   : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, launch.rank, launch.world, options);
}

}  // namespace

class Processes::Group {
 public:
  Group(const Launch& launch, torch::Device device, std::chrono::milliseconds timeout)
      : backend_(make_backend(launch, device, timeout)) {}
  Backend& operator*() { return *backend_; }

 private:
  c10::intrusive_ptr<Backend> backend_;
};

Processes::Processes(const Launch& launch, torch::Device device, int timeout_seconds)
    : rank_(launch.rank), world_(launch.world), device_(device) {
  if (world_ == 1) return;
  try {
    group_ = std::make_unique<Group>(launch, device, std::chrono::seconds(timeout_seconds));
  } catch (const c10::Error& error) {
    throw UsageError(fmt::format("process {} of {} can't find the others at {}:{}: {}", rank_,
                                 world_, launch.address, launch.port, first_line(error)));
  } catch (const std::runtime_error& error) {
    throw UsageError(fmt::format("process {} of {} can't find the others at {}:{}: {}", rank_,
                                 world_, launch.address, launch.port, first_line(error)));
  }
}

Processes::~Processes() = default;

namespace {

/// Runs a collective operation to its end. What goes wrong in one is a process that is gone.
template <typename Start>
void complete(int rank, const Start& start) {
  const auto explain = [&](const std::exception& error) {
    return Error(
        fmt::format("process {}: another process of this run is gone ({}); start all again "
                    "with --resume to go on from the last checkpoint",
                    rank, first_line(error)));
  };
  try {
    start()->wait();
  } catch (const c10::Error& error) {
    throw explain(error);
  } catch (const std::runtime_error& error) {
    throw explain(error);
  }
}

}  // namespace

void Processes::sum(torch::Tensor tensor) {
  if (world_ == 1) return;
  std::vector<torch::Tensor> tensors = {std::move(tensor)};
  complete(rank_, [&] { return (**group_).allreduce(tensors); });
}

std::vector<double> Processes::sums_of(const std::vector<double>& numbers) {
  if (world_ == 1) return numbers;
  torch::Tensor all = torch::tensor(numbers, torch::dtype(torch::kFloat64).device(device_));
  sum(all);
  all = all.cpu();
  const auto* values = all.data_ptr<double>();
  return {values, values + numbers.size()};
}

void Processes::gather_parts(torch::Tensor flat) {
  if (world_ == 1) return;
  OWL3_CHECK(flat.dim() == 1 && flat.numel() % world_ == 0);
  const int64_t part = flat.numel() / world_;
  std::vector<torch::Tensor> own = {flat.narrow(0, rank_ * part, part).clone()};
  std::vector<std::vector<torch::Tensor>> parts = {flat.split(part)};
  complete(rank_, [&] { return (**group_).allgather(parts, own); });
}

std::string Processes::from_first(const std::string& text) {
  // Sums to which the others add nothing.
  const size_t own = is_first() ? text.size() : 0;
  std::vector<double> bytes(static_cast<size_t>(sums_of({static_cast<double>(own)})[0]));
  for (size_t i = 0; i < own; ++i) bytes[i] = static_cast<unsigned char>(text[i]);
  std::string received;
  for (const double byte : sums_of(bytes)) received += static_cast<char>(byte);
  return received;
}

void Processes::barrier() {
  sum(torch::zeros({1}, torch::TensorOptions().device(device_)));
}

}  // namespace owl3::train
