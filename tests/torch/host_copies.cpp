#include "host_copies.h"

#include <ATen/record_function.h>

#include <atomic>
#include <string_view>

namespace owl3::test {

namespace {

// A callback of LibTorch's has nothing of its own to count in.
std::atomic<int> waits_seen = 0;
std::atomic<int> uploads_seen = 0;

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  // The operations of LibTorch that need to know a number of the device.
  for (const std::string_view waiting :
       {"owl3::to_host", "aten::_local_scalar_dense", "aten::nonzero", "aten::equal",
        "aten::is_nonzero", "aten::masked_select", "aten::unique_dim", "aten::_unique2"}) {
    if (name == waiting) ++waits_seen;
  }
  if (name == "owl3::to_device") ++uploads_seen;
  return nullptr;
}

}  // namespace

struct HostCopies::Counts {
  at::CallbackHandle handle;
};

HostCopies::HostCopies() {
  waits_seen = 0;
  uploads_seen = 0;
  counts_ = std::make_unique<Counts>(
      Counts{at::addGlobalCallback(at::RecordFunctionCallback(count).scopes(
          {at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE}))});
}

HostCopies::~HostCopies() {
  at::removeCallback(counts_->handle);
}

int HostCopies::waits() const {
  return waits_seen;
}

int HostCopies::uploads() const {
  return uploads_seen;
}

}  // namespace owl3::test
