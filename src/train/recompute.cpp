#include "train/recompute.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <mutex>

#include "train/precision.h"

namespace owl3::train {

namespace {

using torch::Tensor;
using torch::autograd::variable_list;

at::Generator generator_of(torch::Device device) {
  return at::globalContext().defaultGenerator(device);
}

Tensor random_state(torch::Device device) {
  at::Generator generator = generator_of(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_random_state(torch::Device device, const Tensor& state) {
  at::Generator generator = generator_of(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

/// How the forward pass was run, to run it again.
struct Recipe : torch::CustomClassHolder {
  RecomputedBlock block;
  size_t inputs = 0;
  TrainPrecision precision = TrainPrecision::kFloat32;
  Tensor random;
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  using Context = torch::autograd::AutogradContext;

  /// `all`: the inputs, then the parameters.
  static Tensor forward(Context* context, at::TensorList all,
                        const c10::intrusive_ptr<Recipe>& recipe) {
    const torch::Device device = all[0].device();
    recipe->precision = current_precision(device);
    recipe->random = random_state(device);
    context->save_for_backward(all.vec());
    context->saved_data["recipe"] = at::IValue::make_capsule(recipe);
    return recipe->block(std::vector<Tensor>(all.begin(), all.begin() + recipe->inputs));
  }

  static variable_list backward(Context* context, const variable_list& gradients) {
    const auto holder = context->saved_data["recipe"].toCapsule();
    const Recipe& recipe = static_cast<const Recipe&>(*holder);
    const variable_list all = context->get_saved_variables();
    const torch::Device device = gradients[0].device();

    const Tensor random_now = random_state(device);
    set_random_state(device, recipe.random);
    std::vector<Tensor> inputs;
    variable_list wanted;    // the tensors that need a gradient
    std::vector<size_t> at;  // and where they stand in `all`
    Tensor out;
    {
      const torch::AutoGradMode with_gradients(true);
      const Autocast autocast(device, recipe.precision);
      for (size_t i = 0; i < all.size(); ++i) {
        Tensor tensor = all[i];
        if (i < recipe.inputs) {
          tensor = tensor.detach().set_requires_grad(all[i].requires_grad());
          inputs.push_back(tensor);
        }
        if (!tensor.requires_grad()) continue;
        wanted.push_back(tensor);
        at.push_back(i);
      }
      out = recipe.block(inputs);
    }
    set_random_state(device, random_now);

    variable_list result(all.size() + 1);  // and none for the recipe
    const variable_list found =
        torch::autograd::grad({out}, wanted, {gradients[0]},
                              /*retain_graph=*/c10::nullopt,
                              /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < at.size(); ++i) result[at[i]] = found[i];
    return result;
  }
};

}  // namespace

Tensor recomputed(const RecomputedBlock& block, const std::vector<Tensor>& inputs,
                  const std::vector<Tensor>& parameters) {
  auto recipe = c10::make_intrusive<Recipe>();
  // Undefined inputs don't go through autograd; the block gets them in their places all the same.
  std::vector<size_t> places;
  std::vector<Tensor> all;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    places.push_back(i);
    all.push_back(inputs[i]);
  }
  recipe->inputs = all.size();
  recipe->block = [block, places, size = inputs.size()](const std::vector<Tensor>& defined) {
    std::vector<Tensor> every(size);
    for (size_t i = 0; i < places.size(); ++i) every[places[i]] = defined[i];
    return block(every);
  };
  for (const Tensor& parameter : parameters) {
    if (parameter.requires_grad()) all.push_back(parameter);
  }
  return Recomputed::apply(at::TensorList(all), recipe);
}

}  // namespace owl3::train
