#include "backend/torch/repeated_steps_check.h"

#include <array>
#include <cmath>

namespace owl3 {

namespace {

constexpr int64_t kHeads = 2, kSize = 8, kWidth = kHeads * kSize, kCapacity = 16, kKeys = 3;

Tensor waves(Backend& backend, Shape shape, double phase, double height = 1) {
  Tensor here = make_tensor(DType::kF32, std::move(shape));
  for (int64_t i = 0; i < here.size(); ++i) {
    here.f32()[i] = static_cast<float>(height * std::sin(0.37 * static_cast<double>(i) + phase));
  }
  return backend.upload(here);
}

/// What steps of decoding are made of, as far as numbers of the host or of the step before matter.
class SmallStep {
 public:
  SmallStep(Backend& backend, const Tensor& table, DType text_type, const KeyValueBlock& image)
      : backend_(backend),
        table_(table),
        rope_(backend.rope_table(kCapacity, kSize, 10'000)),
        layer_(backend.prepare({waves(backend, {kWidth, kWidth}, 1, kWeights), {}},
                               WeightForm::kAsStored)),
        page_(backend.new_block(kHeads, kCapacity, kSize, text_type)),
        image_{image, 0, 0} {}

  /// Of the token at a position: [1, H * d] in the host's memory.
  Tensor result(int32_t position) {
    const Shape heads = {1, kHeads, kSize};
    const Tensor x = backend_.embedding(table_, {&position, 1});
    const Tensor q = backend_.linear(x, layer_, Activation::kNone).reshaped(heads);
    backend_.append(page_, backend_.rotate(q, rope_, {&position, 1}), q);
    const TextRows text = {1, position, {&page_, 1}};
    const AttentionPart of_text = backend_.causal_attention(q, {&text, 1});
    const VisualRows images = {1, position, {&image_, 1}, 0};
    const AttentionPart of_images = backend_.visual_attention(q, {&images, 1}, rope_);
    Tensor y = backend_.join_softmax(of_text, of_images).reshaped({1, kWidth});
    backend_.linear_add(y, x, layer_);
    return backend_.download(y);
  }
  StepKind kind() const { return {{&page_.keys, &image_.block.keys, &rope_}, {}}; }

 private:
  // Keeps results near 1, where a last place of bf16 is well below what they may differ by.
  static constexpr double kWeights = 0.25;

  Backend& backend_;
  Tensor table_, rope_;
  Linear layer_;
  KeyValueBlock page_;
  VisibleImage image_;
};

}  // namespace

bool repeated_steps_work(Backend& backend, DType text_type, DType image_type) {
  try {
    const Tensor table = waves(backend, {kCapacity, kWidth}, 0);
    const KeyValueBlock image =
        backend.split_keys_values(waves(backend, {kKeys, kHeads, 2, kSize}, 2), kHeads, image_type);
    SmallStep done(backend, table, text_type, image);
    SmallStep repeated(backend, table, text_type, image);
    constexpr int32_t kSteps = 5;  // one as any other, one recorded, three replayed
    for (int32_t position = 0; position < kSteps; ++position) {
      const Tensor expected = done.result(position);
      const auto scope = backend.step_repeater()->begin(repeated.kind());
      if (scope == nullptr) return false;
      const Tensor got = repeated.result(position);
      for (int64_t i = 0; i < got.size(); ++i) {
        // A number that is none is near nothing.
        if (!(std::abs(got.f32()[i] - expected.f32()[i]) <= 0.02f)) return false;
      }
    }
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace owl3
