#include "train/tensor_exchange.h"

#include <algorithm>
#include <map>

#include "formats/quantise.h"
#include "formats/safetensors.h"

namespace owl3::train {

namespace {

/// The values in memory as the file wants them.
torch::Tensor as_written(const torch::Tensor& tensor, DType dtype) {
  const at::ScalarType type = dtype == DType::kBF16 ? torch::kBFloat16 : torch::kFloat32;
  return tensor.detach().to(torch::kCPU, type).contiguous();
}

}  // namespace

void copy_values(const owl3::Tensor& from, const torch::Tensor& to, const std::string& name) {
  if (to.sizes() != c10::IntArrayRef(from.shape())) {
    throw InputError(fmt::format("{}: tensor has shape {}, wanted is {}", name,
                                 to_string(from.shape()), to_string(to.sizes().vec())));
  }
  const torch::NoGradGuard no_gradients;
  torch::Tensor values = torch::empty(to.sizes(), torch::kFloat32);
  dequantise(from.dtype(), from.raw(), values.data_ptr<float>(), from.size());
  to.copy_(values);
}

void write_tensors(const std::filesystem::path& path, const std::vector<FileTensor>& tensors,
                   DType dtype, const TensorMap& unread) {
  OWL3_CHECK(dtype == DType::kF32 || dtype == DType::kBF16);
  std::vector<TensorSpec> specs;
  std::map<std::string, torch::Tensor> by_name;
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, dtype, tensor.sizes().vec()});
    by_name.emplace(name, tensor);
  }
  for (const auto& [name, tensor] : unread) specs.push_back({name, tensor.dtype(), tensor.shape()});
  SafetensorsWriter writer(path, std::move(specs));
  for (const TensorSpec& spec : writer.tensors()) {
    const auto found = by_name.find(spec.name);
    if (found == by_name.end()) {
      writer.write(unread.at(spec.name).raw(), spec.size_bytes());
    } else {
      writer.write(as_written(found->second, dtype).data_ptr(), spec.size_bytes());
    }
  }
  writer.commit();
}

}  // namespace owl3::train
