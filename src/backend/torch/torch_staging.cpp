#include "backend/torch/torch_staging.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace owl3 {

TorchStaging::TorchStaging(at::Device device) : device_(device) {
  if (device.is_cpu()) return;
  try {
    copies_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  } catch (const c10::Error&) {
    // Copies then take their turn among the products.
  }
}

TorchStaging::Sent TorchStaging::send(const std::vector<at::Tensor>& pieces) {
  int64_t size = 0;
  for (const at::Tensor& piece : pieces) size += piece.numel();
  Sent sent = {{}, next_};
  Buffer& buffer = buffers_[next_];
  next_ = 1 - next_;
  if (!buffer.bytes.defined() || buffer.bytes.numel() < size) {
    wait(sent);  // the smaller one may be written to until then
    buffer.bytes = at::empty({size}, at::TensorOptions(at::kByte).device(device_));
  }
  std::optional<c10::StreamGuard> as_copies;
  if (copies_) {
    c10::Event told(device_.type());
    told.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
    told.block(*copies_);
    as_copies.emplace(*copies_);
  }
  int64_t first = 0;
  for (const at::Tensor& piece : pieces) {
    buffer.bytes.narrow(0, first, piece.numel()).copy_(piece, /*non_blocking=*/true);
    first += piece.numel();
  }
  if (copies_) {
    buffer.filled.emplace(device_.type());
    buffer.filled->record(*copies_);
  }
  sent.bytes = buffer.bytes.narrow(0, 0, size);
  return sent;
}

void TorchStaging::wait(const Sent& sent) {
  const std::optional<c10::Event>& filled = buffers_.at(sent.buffer).filled;
  if (filled) filled->block(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
}

}  // namespace owl3
