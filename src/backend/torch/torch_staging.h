// Sends what lies in the host's memory beside a device there, a group at a time: one is on its way
// while the one before it is read.
#pragma once

#include <c10/core/Event.h>

#include <array>
#include <optional>
#include <vector>

#include "backend/torch/torch.h"

namespace owl3 {

class TorchStaging {
 public:
  explicit TorchStaging(at::Device device);

  /// A group on its way.
  struct Sent {
    at::Tensor bytes;
    size_t buffer = 0;
  };
  /// Begins to send pieces of bytes, which come to lie one behind another. Two groups are there at
  /// a time: the one before the last is overwritten, once the device has done all that it had been
  /// told to do until now.
  Sent send(const std::vector<at::Tensor>& pieces);
  /// What the device is told to do from now on comes when the group is there.
  void wait(const Sent& sent);

 private:
  struct Buffer {
    at::Tensor bytes;
    std::optional<c10::Event> filled;
  };

  at::Device device_;
  std::optional<c10::Stream> copies_;  // a stream of their own, where the device has streams
  std::array<Buffer, 2> buffers_;
  size_t next_ = 0;
};

}  // namespace owl3
