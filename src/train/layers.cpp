#include "train/layers.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/functional/dropout.h>
#include <torch/nn/init.h>

#include <cmath>

#include "core/error.h"
#include "train/precision.h"

namespace owl3::train {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// With r = 1 / sqrt(mean(x^2) + eps) and n = x r:
///   dx = r (dy w - n mean(dy w n)),  dw = sum(dy n)
class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        double eps) {
    const Tensor r = x.square().mean(-1, true).add_(eps).rsqrt_();
    context->save_for_backward({x, weight, r});
    return (x * r).mul_(weight);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &r = saved[2], &dy = gradients[0];
    const Tensor n = x * r;
    const Tensor dyn = dy * n;
    const Tensor dw = dyn.flatten(0, -2).sum(0);
    const Tensor mean = (dyn * weight).mean(-1, true);
    return {(dy * weight).addcmul_(n, mean, -1).mul_(r), dw, Tensor()};
  }
};

Tensor rotated(const Tensor& x, const Tensor& cosines, const Tensor& sines) {
  const auto halves = x.chunk(2, -1);
  // (a cos - b sin, b cos + a sin)
  return torch::cat({(halves[0] * cosines).addcmul_(halves[1], sines, -1),
                     (halves[1] * cosines).addcmul_(halves[0], sines)},
                    -1);
}

/// The gradient of a rotation is the rotation back.
class Rotation : public torch::autograd::Function<Rotation> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& cosines,
                        const Tensor& sines) {
    context->save_for_backward({cosines, sines});
    return rotated(x, cosines, sines);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {rotated(gradients[0], saved[0], -saved[1]), Tensor(), Tensor()};
  }
};

}  // namespace

LinearImpl::LinearImpl(int64_t in, int64_t out, bool with_bias) {
  weight = register_parameter("weight", torch::zeros({out, in}));
  if (with_bias) bias = register_parameter("bias", torch::zeros({out}));
}

Tensor LinearImpl::forward(const Tensor& x) {
  const Tensor y = torch::linear(x, weight, bias);
  if (!has_adapter()) return y;
  const Tensor seen = torch::dropout(x, adapter_dropout_, is_training());
  return y + lora_B(lora_A(seen)) * adapter_scale_;
}

void LinearImpl::add_adapter(int64_t rank, double alpha, double dropout) {
  OWL3_CHECK(!has_adapter());
  const auto without_bias = [](int64_t in, int64_t out) {
    return torch::nn::LinearOptions(in, out).bias(false);
  };
  lora_A = register_module("lora_A", torch::nn::Linear(without_bias(weight.size(1), rank)));
  lora_B = register_module("lora_B", torch::nn::Linear(without_bias(rank, weight.size(0))));
  torch::nn::init::kaiming_uniform_(lora_A->weight, std::sqrt(5.0));  // as PEFT does
  torch::nn::init::zeros_(lora_B->weight);
  lora_A->to(weight.device());
  lora_B->to(weight.device());
  adapter_scale_ = alpha / static_cast<double>(rank);
  adapter_dropout_ = dropout;
}

void LinearImpl::merge_adapter() {
  OWL3_CHECK(has_adapter());
  const torch::NoGradGuard no_gradients;
  weight.add_(torch::mm(lora_B->weight, lora_A->weight), adapter_scale_);
  unregister_module("lora_A");
  unregister_module("lora_B");
  lora_A = nullptr;
  lora_B = nullptr;
}

RmsNormImpl::RmsNormImpl(int64_t size, double eps) : eps_(eps) {
  weight = register_parameter("weight", torch::ones({size}));
}

Tensor RmsNormImpl::forward(const Tensor& x) {
  return RmsNormFunction::apply(x.to(torch::kFloat32), weight, eps_);
}

LayerNormImpl::LayerNormImpl(int64_t size, double eps) : eps_(eps) {
  weight = register_parameter("weight", torch::ones({size}));
  bias = register_parameter("bias", torch::zeros({size}));
}

Tensor LayerNormImpl::forward(const Tensor& x) {
  return torch::layer_norm(x.to(torch::kFloat32), weight.sizes(), weight, bias, eps_);
}

TableImpl::TableImpl(int64_t rows, int64_t size) {
  weight = register_parameter("weight", torch::zeros({rows, size}));
}

RotaryAngles rotary_angles(const Tensor& positions, int64_t head_size, double theta) {
  const auto options = torch::dtype(torch::kFloat32).device(positions.device());
  const Tensor exponents = torch::arange(0, head_size, 2, options) / head_size;
  const Tensor frequencies = torch::pow(torch::full({}, theta, options), exponents).reciprocal();
  const Tensor angles = (positions.to(torch::kFloat32).unsqueeze(-1) * frequencies).unsqueeze(-2);
  return {angles.cos(), angles.sin()};
}

Tensor rotate(const Tensor& x, const RotaryAngles& angles) {
  return Rotation::apply(x.to(torch::kFloat32), angles.cosines, angles.sines);
}

}  // namespace owl3::train
