// Between owl3's tensors and LibTorch's: the same memory, seen as either.
#pragma once

#include <list>
#include <mutex>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/torch/torch.h"

namespace owl3 {

class TorchBridge {
 public:
  /// Throws UsageError where LibTorch has no such device.
  explicit TorchBridge(const std::string& device);

  at::Device torch_device() const { return torch_device_; }
  Device device() const { return device_; }
  at::TensorOptions options(at::ScalarType type) const {
    return at::TensorOptions(type).device(torch_device_);
  }

  /// Where a tensor of the plug-in lies that is in the host's memory to be sent to the device.
  static constexpr Device kBesideDevice = Device("the host's memory beside a device");

  /// A tensor of the device as LibTorch's, which keeps it; one beside it as the host's.
  at::Tensor see(const Tensor& x) const;
  at::Tensor see(const Tensor& x, at::IntArrayRef shape) const;
  /// n tensors of one shape, behind each other along a new first axis: where they lie at equal
  /// distances as they lie there, else a copy.
  at::Tensor see_together(std::span<const Tensor* const> tensors) const;
  /// How many of the first tensors lie at equal distances, one behind the other.
  size_t evenly_placed(std::span<const Tensor* const> tensors) const;
  /// The other way. The memory must not be that of a tensor that others write to.
  Tensor keep(const at::Tensor& x) const { return keep(x, device_); }
  Tensor keep(const at::Tensor& x, Device where) const;

  /// From the host's memory, not waited for; of plain types.
  at::Tensor to_device(const Tensor& host) const;
  /// Memory of the host, so many numbers, that send() is fast from.
  at::Tensor sendable(int64_t count, at::ScalarType type) const;
  /// From there to a tensor of the device, not waited for.
  void send(const at::Tensor& here, const at::Tensor& there) const;
  /// Waits for all that the device still has to do.
  void wait() const;
  /// To the host's memory: waits for all that the device still has to do.
  Tensor to_host(const at::Tensor& x) const;

  /// Numbers of the host as a tensor of int64 on the device. The same few lists come again and
  /// again (the positions of a step's rows in every layer), so some are kept there.
  template <typename Number>
  at::Tensor indexes(std::span<const Number> numbers) {
    return kept_indexes({numbers.begin(), numbers.end()});
  }

 private:
  struct KeptIndexes {
    std::vector<int64_t> numbers;
    at::Tensor there;
  };

  at::Tensor kept_indexes(std::vector<int64_t> numbers);

  at::Device torch_device_;
  Device device_;
  std::mutex mutex_;
  std::list<KeptIndexes> indexes_;  // the last used first
};

at::ScalarType torch_type(DType dtype);
DType type_of(const at::Tensor& x);
/// Whether the type is one of blocks or of a device's tensors.
bool is_plain(DType dtype);

/// Does `work` as LibTorch wants it done, without notes for gradients; what LibTorch throws becomes
/// an Error of one line, OutOfMemory where the device's memory is at its end.
template <typename Work>
decltype(auto) on_torch(Device device, const Work& work);

[[noreturn]] void rethrow_torch_error(Device device);

/// Whether what LibTorch couldn't do is for lack of memory.
bool lacks_memory(const c10::Error& error);

template <typename Work>
decltype(auto) on_torch(Device device, const Work& work) {
  try {
    const c10::InferenceMode no_gradients;
    return work();
  } catch (const c10::Error&) {
    rethrow_torch_error(device);
  }
}

}  // namespace owl3
