// A backend that tells before and after each of its operations, so that a test can make any of them
// fail.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "backend/backend.h"

namespace owl3 {

class WatchedBackend final : public Backend {
 public:
  /// `watch` is called twice per operation; what it throws comes out of the operation.
  WatchedBackend(std::unique_ptr<Backend> backend, std::function<void()> watch)
      : backend_(std::move(backend)), watch_(std::move(watch)) {}

  std::string description() const override { return backend_->description(); }
  Tensor allocate(DType dtype, Shape shape) override {
    return watched([&] { return backend_->allocate(dtype, std::move(shape)); });
  }
  int64_t few_rows() const override { return backend_->few_rows(); }
  Device device() const override { return backend_->device(); }
  Tensor upload(const Tensor& host) override {
    return watched([&] { return backend_->upload(host); });
  }
  Tensor download(const Tensor& x) override {
    return watched([&] { return backend_->download(x); });
  }
  Linear prepare(const Linear& layer, WeightForm form) override {
    return watched([&] { return backend_->prepare(layer, form); });
  }
  Tensor scaled(const Tensor& x, double factor) override {
    return watched([&] { return backend_->scaled(x, factor); });
  }
  Tensor to_float(const Tensor& x) override {
    return watched([&] { return backend_->to_float(x); });
  }
  Tensor gather_rows(const Tensor& x, std::span<const int64_t> rows) override {
    return watched([&] { return backend_->gather_rows(x, rows); });
  }
  void copy_rows(Tensor& to, int64_t first_row, const Tensor& from) override {
    watched([&] { backend_->copy_rows(to, first_row, from); });
  }
  Tensor embedding(const Tensor& table, std::span<const int32_t> ids) override {
    return watched([&] { return backend_->embedding(table, ids); });
  }
  Tensor linear(const Tensor& x, const Linear& layer, Activation activation) override {
    return watched([&] { return backend_->linear(x, layer, activation); });
  }
  void linear_add(Tensor& y, const Tensor& x, const Linear& layer) override {
    watched([&] { backend_->linear_add(y, x, layer); });
  }
  void activate(Tensor& y, Activation activation) override {
    watched([&] { backend_->activate(y, activation); });
  }
  Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) override {
    return watched([&] { return backend_->rms_norm(x, weight, eps); });
  }
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    double eps) override {
    return watched([&] { return backend_->layer_norm(x, weight, bias, eps); });
  }
  Tensor swiglu(const Tensor& gate, const Tensor& up) override {
    return watched([&] { return backend_->swiglu(gate, up); });
  }
  void add_repeated(Tensor& x, const Tensor& y) override {
    watched([&] { backend_->add_repeated(x, y); });
  }
  void note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) override {
    watched([&] { backend_->note_finite_rows(x, flags, index); });
  }
  Tensor patches(const Tensor& pixel_values, int64_t patch_size) override {
    return watched([&] { return backend_->patches(pixel_values, patch_size); });
  }
  Tensor rope_table(int64_t positions, int64_t d, double theta) override {
    return watched([&] { return backend_->rope_table(positions, d, theta); });
  }
  Tensor rotate(const Tensor& x, const Tensor& rope, std::span<const int32_t> positions) override {
    return watched([&] { return backend_->rotate(x, rope, positions); });
  }
  KeyValueBlock new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) override {
    return watched([&] { return backend_->new_block(heads, capacity, d, dtype); });
  }
  KeyValueBlock copy(const KeyValueBlock& block) override {
    return watched([&] { return backend_->copy(block); });
  }
  void append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) override {
    watched([&] { backend_->append(block, keys, values); });
  }
  KeyValueBlock split_keys_values(const Tensor& kv, int64_t heads, DType dtype) override {
    return watched([&] { return backend_->split_keys_values(kv, heads, dtype); });
  }
  KeyValueBlock to_host(const KeyValueBlock& block) override {
    return watched([&] { return backend_->to_host(block); });
  }
  KeyValueBlock from_host(const KeyValueBlock& block) override {
    return watched([&] { return backend_->from_host(block); });
  }
  Tensor self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        int64_t tokens_per_image) override {
    return watched([&] { return backend_->self_attention(q, k, v, tokens_per_image); });
  }
  AttentionPart causal_attention(const Tensor& q, std::span<const TextRows> sequences) override {
    return watched([&] { return backend_->causal_attention(q, sequences); });
  }
  AttentionPart visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                 const Tensor& rope) override {
    return watched([&] { return backend_->visual_attention(q, sequences, rope); });
  }
  Tensor join_softmax(const AttentionPart& a, const AttentionPart& b) override {
    return watched([&] { return backend_->join_softmax(a, b); });
  }
  Tensor mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                     const Tensor& gate) override {
    return watched([&] { return backend_->mix_by_gate(text, visual, gate); });
  }
  ImageWeights image_weights(const AttentionPart& visual, size_t sequence, int64_t first_row,
                             const AttentionPart* text) override {
    return watched([&] { return backend_->image_weights(visual, sequence, first_row, text); });
  }
  std::vector<float> key_weights(const Tensor& q, std::span<const int32_t> distances,
                                 std::span<const float> log_sum_exps, const KeyValueBlock& image,
                                 const Tensor& rope) override {
    return watched([&] { return backend_->key_weights(q, distances, log_sum_exps, image, rope); });
  }

 private:
  template <typename Operation>
  std::invoke_result_t<Operation> watched(const Operation& operation) {
    watch_();
    if constexpr (std::is_void_v<std::invoke_result_t<Operation>>) {
      operation();
      watch_();
    } else {
      auto result = operation();
      watch_();
      return result;
    }
  }

  std::unique_ptr<Backend> backend_;
  std::function<void()> watch_;
};

}  // namespace owl3
