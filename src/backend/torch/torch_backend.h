// The operations over LibTorch: on its CPU, on graphics cards of CUDA and ROCm, on XPUs.
//
// Products are in float32 or bf16, as the precision says; weights of blocks and of other types are
// expanded to that when they are uploaded. Keys and values lie plainly, [Hkv, capacity, d], int8
// with scales [Hkv, capacity] beside them. Nothing waits for the device but download() and the two
// operations whose results are the host's.
#pragma once

#include <memory>

#include "backend/torch/torch_bridge.h"
#include "backend/torch/torch_image_memory.h"
#include "backend/torch/torch_settings.h"
#include "backend/torch/torch_staging.h"
#include "backend/torch/torch_steps.h"
#include "owl3/options.h"

namespace owl3 {

class TorchBackend final : public Backend {
 public:
  /// Steps of decoding are recorded as `begin_recording` does it or, if that is empty, the device.
  TorchBackend(const TorchSettings& settings, const ModelOptions& options,
               BeginRecording begin_recording);

  std::string description() const override;
  Device device() const override { return bridge_.device(); }
  Tensor allocate(DType dtype, Shape shape) override;
  Tensor upload(const Tensor& host) override;
  Tensor download(const Tensor& x) override;
  Linear prepare(const Linear& layer, WeightForm form) override;
  int64_t few_rows() const override { return 32; }
  int64_t rows_at_once() const override;
  StepRepeater* step_repeater() override { return steps_.get(); }
  Tensor to_float(const Tensor& x) override;
  Tensor scaled(const Tensor& x, double factor) override;
  Tensor gather_rows(const Tensor& x, std::span<const int64_t> rows) override;
  void copy_rows(Tensor& to, int64_t first_row, const Tensor& from) override;
  Tensor embedding(const Tensor& table, std::span<const int32_t> ids) override;
  Tensor linear(const Tensor& x, const Linear& layer, Activation activation) override;
  void linear_add(Tensor& y, const Tensor& x, const Linear& layer) override;
  void activate(Tensor& y, Activation activation) override;
  Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) override;
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) override;
  Tensor swiglu(const Tensor& gate, const Tensor& up) override;
  void add_repeated(Tensor& x, const Tensor& y) override;
  void note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) override;
  Tensor patches(const Tensor& pixel_values, int64_t patch_size) override;
  Tensor rope_table(int64_t positions, int64_t d, double theta) override;
  Tensor rotate(const Tensor& x, const Tensor& rope, std::span<const int32_t> positions) override;
  KeyValueBlock new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) override;
  KeyValueBlock copy(const KeyValueBlock& block) override;
  void append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) override;
  KeyValueBlock split_keys_values(const Tensor& kv, int64_t key_value_heads, DType dtype) override;
  KeyValueBlock to_host(const KeyValueBlock& block) override;
  KeyValueBlock from_host(const KeyValueBlock& block) override;
  Tensor self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        int64_t tokens_per_image) override;
  AttentionPart causal_attention(const Tensor& q, std::span<const TextRows> sequences) override;
  AttentionPart visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                 const Tensor& rope) override;
  Tensor join_softmax(const AttentionPart& a, const AttentionPart& b) override;
  Tensor mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                     const Tensor& gate) override;
  ImageWeights image_weights(const AttentionPart& visual, size_t sequence, int64_t first_row,
                             const AttentionPart* text) override;
  std::vector<float> key_weights(const Tensor& q, std::span<const int32_t> distances,
                                 std::span<const float> log_sum_exps, const KeyValueBlock& image,
                                 const Tensor& rope) override;

 private:
  /// A part of attention over heads [..., Hkv, rows, d], and its log-sum-exp [..., Hkv, rows].
  struct Part {
    at::Tensor out;
    at::Tensor log_sum_exp;
  };

  at::Tensor see(const Tensor& x) const { return bridge_.see(x); }
  Tensor keep(const at::Tensor& x) const { return bridge_.keep(x); }
  // Does what no step of decoding asks for; see on_torch().
  template <typename Work>
  decltype(auto) run(const Work& work) const {
    if (steps_ != nullptr) steps_->other_operation();
    return on_torch(device(), work);
  }
  // Does an operation that steps of decoding are made of. `work` is given its numbers, if it has
  // any, where they lie on the device already; else an undefined tensor.
  template <typename Work>
  auto operation(const StepOperation& operation, const Work& work) const {
    const auto with_numbers = [&]([[maybe_unused]] const at::Tensor& numbers) {
      if constexpr (std::is_invocable_v<Work>) {
        return work();
      } else {
        return work(numbers);
      }
    };
    return on_torch(device(), [&] {
      return steps_ != nullptr ? steps_->operation(operation, with_numbers)
                               : with_numbers(at::Tensor());
    });
  }
  // Numbers of the host on the device: as an operation() was given them, or else sent there.
  template <typename Number>
  at::Tensor indexes(const at::Tensor& given, std::span<const Number> numbers) const {
    return given.defined() ? given : bridge_.indexes(numbers);
  }
  // The content of any tensor of the host on the device; blocks are expanded to the products' type.
  at::Tensor uploaded(const Tensor& host) const;
  bool float_products_work() const;
  at::Tensor float_product(const at::Tensor& x, const at::Tensor& w) const;
  // x W^T + b in float32, x of any type.
  at::Tensor product(const Tensor& x, const Linear& layer) const;

  // Keys or values [..., Hkv, count, d] of blocks as products take them.
  at::Tensor rows_of(const at::Tensor& stored, const at::Tensor& scales) const;
  at::Tensor text_rows(std::span<const KeyValueBlock> pages, int64_t first, int64_t last,
                       bool values) const;

  /// What a block's memory is cut into.
  struct BlockLayout {
    int64_t heads, capacity, size;
    DType dtype;
    int64_t scale_bytes;   // of keys, and as many of values
    int64_t number_bytes;  // likewise

    int64_t bytes() const;
  };
  static BlockLayout layout_of(int64_t heads, int64_t capacity, int64_t d, DType dtype);
  static at::Tensor part_of_blocks(const at::Tensor& bytes, const BlockLayout& layout, bool values,
                                   bool scales);
  KeyValueBlock block_in(const at::Tensor& memory, const BlockLayout& layout, Device where) const;
  // A block of visual memory, on the device or beside it; fill(block) writes to one on the device.
  template <typename Fill>
  KeyValueBlock new_image(const BlockLayout& layout, int64_t count, const Fill& fill);
  bool is_image(const KeyValueBlock& block) const;
  // All of its memory.
  at::Tensor bytes_of_image(const KeyValueBlock& image) const;

  class ImageReader;
  Part attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
              const at::Tensor& hidden) const;
  Part attend_images(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& hidden) const;
  Part text_attention(const at::Tensor& q, const TextRows& rows) const;
  Part row_attention(const at::Tensor& q, const TextRows& row, const at::Tensor& place) const;
  /// Positions on the device: of rows, and of the images they see.
  struct Positions {
    at::Tensor rows;
    at::Tensor images;
  };
  Positions positions_of(const VisualRows& rows, const at::Tensor& numbers, int64_t sequence,
                         int64_t first_image) const;
  Part image_attention(const at::Tensor& q, const VisualRows& rows, const Positions& positions,
                       const at::Tensor& rope, at::Tensor* by_image);
  Part flash(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) const;
  Part flash_text(const at::Tensor& q, const TextRows& rows) const;
  bool flash_works() const;
  bool flash_takes(int64_t head_size) const;
  // Scores that attention holds at a time, at most.
  int64_t scores_at_once() const;

  mutable TorchBridge bridge_;
  std::shared_ptr<TorchSlots> slots_;  // of keys and values
  std::shared_ptr<TorchImageMemory> images_;
  TorchStaging staging_;
  at::ScalarType product_type_;
  bool float_products_ = false;
  bool flash_ = false;
  std::unique_ptr<TorchSteps> steps_;  // where steps are repeated
};

/// Rotary embedding in the half-split convention: x [..., d] by angles, d/2 cosines and then d/2
/// sines, that go with all but its heads.
at::Tensor rotate_by(const at::Tensor& x, const at::Tensor& angles);

/// The values of rows of blocks, bytes [rows, bytes per row] on the device, in float32.
at::Tensor expand_blocks(DType type, const at::Tensor& bytes);

}  // namespace owl3
