// Weights made ready, and the products with them.
#include <algorithm>
#include <cmath>

#include "backend/torch/torch_backend.h"
#include "backend/torch/torch_versions.h"

namespace owl3 {

namespace {

// Values of blocks that are expanded at a time: bounds what lies on the device beside the weights.
constexpr int64_t kExpandedAtOnce = int64_t{1} << 24;

at::Tensor activated(const at::Tensor& y, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return y;
    case Activation::kGeluTanh:
      return at::gelu(y, "tanh");
    case Activation::kGeluErf:
      return at::gelu(y, "none");
    case Activation::kSigmoid:
      return at::sigmoid(y);
  }
  OWL3_CHECK(false);
}

}  // namespace

at::Tensor TorchBackend::uploaded(const Tensor& host) const {
  if (is_plain(host.dtype())) return bridge_.to_device(host);
  const int64_t rows = host.dim(0);
  const int64_t columns = host.row_size();
  const at::Tensor all = at::empty({rows, columns}, bridge_.options(product_type_));
  const int64_t step = std::max<int64_t>(1, kExpandedAtOnce / columns);
  for (int64_t first = 0; first < rows; first += step) {
    const Tensor some = host.rows(first, std::min(rows, first + step));
    const auto bytes = static_cast<int64_t>(bytes_of(host.dtype(), columns));
    const Tensor stored(DType::kI8, {some.dim(0), bytes}, const_cast<void*>(some.raw()), nullptr);
    all.narrow(0, first, some.dim(0)).copy_(expand_blocks(host.dtype(), bridge_.to_device(stored)));
  }
  return all.view(host.shape());
}

Linear TorchBackend::prepare(const Linear& layer, WeightForm form) {
  return run([&] {
    const auto there = [&](const Tensor& x) { return x.device().is_host() ? uploaded(x) : see(x); };
    const at::Tensor weight = there(layer.weight);
    Linear prepared;
    if (layer.bias.defined()) prepared.bias = keep(there(layer.bias));
    if (form != WeightForm::kInt8) {
      prepared.weight = keep(weight.to(product_type_));
      return prepared;
    }
    const at::Tensor values = weight.to(at::kFloat);
    const at::Tensor scales = values.abs().amax(-1).div_(127);
    // Where a row is zero, so are its scale and its values; NaN stays in the scale.
    const at::Tensor rounded = (values / scales.unsqueeze(-1)).nan_to_num_(0, 127, -127).round_();
    prepared.weight = keep(rounded.to(at::kChar));
    prepared.scales = keep(scales);
    return prepared;
  });
}

/// Whether the device keeps sums of bf16 products in float32. It is tried, since which does is
/// nowhere to be asked.
bool TorchBackend::float_products_work() const {
  if (product_type_ == at::kFloat || bridge_.torch_device().is_cpu()) return false;
  try {
    const at::Tensor x = at::ones({16, 16}, bridge_.options(product_type_));
    const at::Tensor y = torch_versions::product_in_float(x, x);
    return y.defined() && y.scalar_type() == at::kFloat && at::all(y == 16).item<bool>();
  } catch (const c10::Error&) {
    return false;
  }
}

/// x w^T in float32. Sums that are rounded to bf16 differ by a whole step of it where numbers of
/// rows take kernels of another order, so they are kept in float32 wherever that can be had.
at::Tensor TorchBackend::float_product(const at::Tensor& x, const at::Tensor& w) const {
  if (float_products_) return torch_versions::product_in_float(x, w.t());
  if (product_type_ == at::kFloat || !bridge_.torch_device().is_cpu()) {
    return at::mm(x, w.t()).to(at::kFloat);
  }
  // bf16 has no such product there: the values are expanded, some rows of w at a time.
  const int64_t step = std::max<int64_t>(1, kExpandedAtOnce / w.size(1));
  const at::Tensor wide = x.to(at::kFloat);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < w.size(0); first += step) {
    const at::Tensor some = w.narrow(0, first, std::min(step, w.size(0) - first));
    parts.push_back(at::mm(wide, some.to(at::kFloat).t()));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

at::Tensor TorchBackend::product(const Tensor& x, const Linear& layer) const {
  const int64_t rows = x.dim(0);
  const int64_t outputs = layer.weight.dim(0);
  if (rows == 0) return at::empty({0, outputs}, bridge_.options(at::kFloat));
  OWL3_CHECK(x.row_size() == layer.weight.dim(1));
  // -127 to 127 are numbers of bf16, too: of int8 weights only their storage is smaller.
  const at::Tensor weight = see(layer.weight).to(product_type_);
  at::Tensor y = float_product(see(x).view({rows, -1}).to(product_type_), weight);
  if (layer.scales.defined()) y.mul_(see(layer.scales));
  if (layer.bias.defined()) y.add_(see(layer.bias));
  return y;
}

Tensor TorchBackend::linear(const Tensor& x, const Linear& layer, Activation activation) {
  const StepOperation multiply = {.name = "linear",
                                  .inputs = {&x, &layer.weight, &layer.bias, &layer.scales},
                                  .always = {static_cast<int64_t>(activation)}};
  return operation(multiply, [&] {
    const at::Tensor y = activated(product(x, layer), activation);
    // Behind an activation comes another product.
    return keep(activation == Activation::kNone ? y : y.to(product_type_));
  });
}

void TorchBackend::linear_add(Tensor& y, const Tensor& x, const Linear& layer) {
  const StepOperation multiply = {"linear_add",
                                  {&y, &x, &layer.weight, &layer.bias, &layer.scales}};
  operation(multiply, [&] { see(y).add_(product(x, layer)); });
}

void TorchBackend::activate(Tensor& y, Activation activation) {
  if (activation == Activation::kNone) return;
  const StepOperation activate_all = {
      .name = "activate", .inputs = {&y}, .always = {static_cast<int64_t>(activation)}};
  operation(activate_all, [&] {
    const at::Tensor values = see(y);
    values.copy_(activated(values, activation));
  });
}

}  // namespace owl3
