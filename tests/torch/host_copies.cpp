#include "host_copies.h"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/version.h>

#include <algorithm>
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

namespace {

#if TORCH_VERSION_MAJOR >= 2
using TotalBytes = size_t;
#else
using TotalBytes = int64_t;
#endif

class Usage : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, TotalBytes, TotalBytes, c10::Device) override {
    now_ += size;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t now_ = 0;
  int64_t peak_ = 0;
};

}  // namespace

struct PeakMemory::Report {
  std::shared_ptr<Usage> usage = std::make_shared<Usage>();
  c10::DebugInfoGuard guard = {c10::DebugInfoKind::PROFILER_STATE, usage};
};

PeakMemory::PeakMemory() : report_(std::make_unique<Report>()) {}

PeakMemory::~PeakMemory() = default;

int64_t PeakMemory::bytes() const {
  return report_->usage->peak();
}

}  // namespace owl3::test
