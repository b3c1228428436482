#include "backend/torch/torch_bridge.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "core/device_error.h"

namespace owl3 {

namespace {

// Names of static storage, as a Device wants them.
constexpr std::array<const char*, 16> kCudaNames = {
    "cuda:0", "cuda:1", "cuda:2",  "cuda:3",  "cuda:4",  "cuda:5",  "cuda:6",  "cuda:7",
    "cuda:8", "cuda:9", "cuda:10", "cuda:11", "cuda:12", "cuda:13", "cuda:14", "cuda:15"};
constexpr std::array<const char*, 16> kXpuNames = {
    "xpu:0", "xpu:1", "xpu:2",  "xpu:3",  "xpu:4",  "xpu:5",  "xpu:6",  "xpu:7",
    "xpu:8", "xpu:9", "xpu:10", "xpu:11", "xpu:12", "xpu:13", "xpu:14", "xpu:15"};
constexpr const char* kCpuName = "torch:cpu";

int64_t devices_of(c10::DeviceType type) {
  if (!c10::impl::hasDeviceGuardImpl(type)) return 0;
  return std::min<int64_t>(c10::impl::VirtualGuardImpl(type).deviceCount(), kCudaNames.size());
}

at::Device existing_device(const std::string& name) {
  at::Device device(name);
  if (device.is_cpu()) return at::Device(at::kCPU);
  const int64_t there = devices_of(device.type());
  const int64_t index = device.has_index() ? device.index() : 0;
  if (index < there) return {device.type(), static_cast<c10::DeviceIndex>(index)};
  throw UsageError(fmt::format(
      "device {}: is not there: LibTorch {} finds {} of its kind{}", name, TORCH_VERSION,
      there == 0 ? std::string("none") : fmt::format("{}", there),
      c10::impl::hasDeviceGuardImpl(device.type()) ? ""
                                                   : ", and was built without support for it"));
}

Device name_of_device(at::Device device) {
  if (device.is_cpu()) return Device(kCpuName);
  const auto& names = device.is_cuda() ? kCudaNames : kXpuNames;
  return Device(names.at(static_cast<size_t>(device.index())));
}

at::IntArrayRef shape_of(const Tensor& x) {
  return {x.shape().data(), x.shape().size()};
}

/// The first line of what LibTorch says, without the places in its sources.
std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// "20.00 MiB" of "Tried to allocate 20.00 MiB (GPU 0; ...)", "you tried to allocate 512 bytes".
std::string wanted_bytes(std::string_view text) {
  constexpr std::string_view kBefore = "ried to allocate ";
  const size_t at = text.find(kBefore);
  if (at == std::string_view::npos) return "";
  text.remove_prefix(at + kBefore.size());
  const size_t end = text.find_first_of(".(\n", text.find(' '));
  std::string wanted(text.substr(0, end));
  while (!wanted.empty() && wanted.back() == ' ') wanted.pop_back();
  return fmt::format(" for {} more", wanted);
}

}  // namespace

at::ScalarType torch_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kI8:
      return at::kChar;
    default:
      break;
  }
  OWL3_CHECK(false);
}

DType type_of(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return DType::kF32;
    case at::kHalf:
      return DType::kF16;
    case at::kBFloat16:
      return DType::kBF16;
    case at::kChar:
      return DType::kI8;
    default:
      break;
  }
  OWL3_CHECK(false);
}

bool is_plain(DType dtype) {
  return !is_quantised(dtype);
}

bool lacks_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // As LibTorch's allocators say it, CUDA's runtime library, and cuBLAS.
  constexpr std::array<const char*, 3> kSaid = {"ried to allocate ", " error: out of memory",
                                                "CUBLAS_STATUS_ALLOC_FAILED"};
  const std::string text = error.what_without_backtrace();
  return std::any_of(kSaid.begin(), kSaid.end(),
                     [&](const char* said) { return text.find(said) != std::string::npos; });
}

void rethrow_torch_error(Device device) {
  try {
    throw;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (lacks_memory(error)) {
      throw DeviceOutOfMemory(
          fmt::format("{}: there is not enough memory{}: images may be given less of it (--device "
                      "{},memory=SIZE), or fewer conversations run at once",
                      device.name(), wanted_bytes(text), device.name()));
    }
    throw Error(fmt::format("{}: {}", device.name(), first_line(text)));
  }
}

TorchBridge::TorchBridge(const std::string& device)
    : torch_device_(existing_device(device)), device_(name_of_device(torch_device_)) {}

at::Tensor TorchBridge::see(const Tensor& x, at::IntArrayRef shape) const {
  const bool beside = x.device() == kBesideDevice;
  const at::Device where = beside ? at::Device(at::kCPU) : torch_device_;
  return at::for_blob(x.on(beside ? kBesideDevice : device_), shape)
      .options(at::TensorOptions(torch_type(x.dtype())).device(where))
      .target_device(where)
      .deleter([x](void*) {})
      .make_tensor();
}

at::Tensor TorchBridge::see(const Tensor& x) const {
  return see(x, shape_of(x));
}

size_t TorchBridge::evenly_placed(std::span<const Tensor* const> tensors) const {
  if (tensors.size() < 2) return tensors.size();
  const auto address = [&](size_t i) {
    return reinterpret_cast<intptr_t>(tensors[i]->on(device_));
  };
  const auto element = static_cast<intptr_t>(size_of(tensors.front()->dtype()));
  const intptr_t distance = address(1) - address(0);
  if (distance <= 0 || distance % element != 0) return 1;
  size_t even = 2;
  while (even < tensors.size() && address(even) - address(even - 1) == distance) ++even;
  return even;
}

at::Tensor TorchBridge::see_together(std::span<const Tensor* const> tensors) const {
  const Tensor& first = *tensors.front();
  if (evenly_placed(tensors) < tensors.size()) {
    std::vector<at::Tensor> each;
    for (const Tensor* x : tensors) each.push_back(see(*x));
    return at::stack(each);
  }
  const auto element = static_cast<intptr_t>(size_of(first.dtype()));
  const intptr_t distance = tensors.size() < 2
                                ? static_cast<intptr_t>(first.size_bytes())
                                : reinterpret_cast<intptr_t>(tensors[1]->on(device_)) -
                                      reinterpret_cast<intptr_t>(first.on(device_));
  std::vector<int64_t> shape = {static_cast<int64_t>(tensors.size())};
  shape.insert(shape.end(), first.shape().begin(), first.shape().end());
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size() - 1; axis > 1; --axis) {
    strides[axis - 1] = strides[axis] * shape[axis];
  }
  strides[0] = distance / element;
  std::vector<Tensor> kept;
  for (const Tensor* x : tensors) kept.push_back(*x);
  return at::for_blob(first.on(device_), shape)
      .strides(at::IntArrayRef(strides))
      .options(options(torch_type(first.dtype())))
      .target_device(torch_device_)
      .deleter([kept](void*) {})
      .make_tensor();
}

Tensor TorchBridge::keep(const at::Tensor& x, Device where) const {
  // Without elements there is no memory either, and a Tensor without is none.
  auto owner = std::make_shared<const at::Tensor>(x.numel() > 0 ? x.contiguous()
                                                                : at::empty({1}, x.options()));
  return Tensor(type_of(x), x.sizes().vec(), owner->data_ptr(), owner, where);
}

at::Tensor TorchBridge::to_device(const Tensor& host) const {
  RECORD_USER_SCOPE("owl3::to_device");
  const auto type = at::TensorOptions(torch_type(host.dtype()));
  // Nobody writes to it here; mapped files are read-only.
  const at::Tensor here =
      at::for_blob(const_cast<void*>(host.raw()), shape_of(host)).options(type).make_tensor();
  at::Tensor there = at::empty(shape_of(host), options(type.dtype().toScalarType()));
  // CUDA has read pageable memory by the time that the call returns.
  there.copy_(here, /*non_blocking=*/torch_device_.is_cuda());
  return there;
}

at::Tensor TorchBridge::sendable(int64_t count, at::ScalarType type) const {
  const bool page_locked = torch_device_.is_cuda();
  return at::empty({count}, at::TensorOptions(type).pinned_memory(page_locked));
}

void TorchBridge::send(const at::Tensor& here, const at::Tensor& there) const {
  RECORD_USER_SCOPE("owl3::to_device");
  there.copy_(here, /*non_blocking=*/torch_device_.is_cuda());
}

void TorchBridge::wait() const {
  if (torch_device_.is_cpu()) return;
  c10::impl::VirtualGuardImpl(torch_device_.type()).getStream(torch_device_).synchronize();
}

Tensor TorchBridge::to_host(const at::Tensor& x) const {
  RECORD_USER_SCOPE("owl3::to_host");
  Tensor host = make_tensor(type_of(x), x.sizes().vec());
  at::for_blob(host.raw(), x.sizes())
      .options(at::TensorOptions(x.scalar_type()))
      .make_tensor()
      .copy_(x);
  return host;
}

at::Tensor TorchBridge::kept_indexes(std::vector<int64_t> numbers) {
  constexpr size_t kKept = 16;
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(indexes_.begin(), indexes_.end(),
                                  [&](const KeptIndexes& kept) { return kept.numbers == numbers; });
  if (found != indexes_.end()) {
    indexes_.splice(indexes_.begin(), indexes_, found);
    return indexes_.front().there;
  }
  RECORD_USER_SCOPE("owl3::to_device");
  const at::Tensor here = at::for_blob(numbers.data(), {static_cast<int64_t>(numbers.size())})
                              .options(at::TensorOptions(at::kLong))
                              .make_tensor();
  at::Tensor there = at::empty(here.sizes(), options(at::kLong));
  there.copy_(here, /*non_blocking=*/torch_device_.is_cuda());
  if (indexes_.size() == kKept) indexes_.pop_back();
  indexes_.push_front({std::move(numbers), there});
  return there;
}

}  // namespace owl3
