// The operations on the CPU: shapes and threads here, arithmetic in kernels/.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/memory_pool.h"

namespace owl3 {

namespace cpu {
class OneDnnProducts;
}

/// How products with many rows are computed.
enum class MatrixProduct {
  kAuto,      // quantised weights in int8; others by oneDNN in bf16 where the processor
              // multiplies bf16
  kExpanded,  // the same, but quantised weights expanded
  kFloat32,   // weights expanded by panels, float32 arithmetic
  kBFloat16,  // all by oneDNN in bf16, even where the processor only has AVX-512; without, float32
};

struct CpuOptions {
  int threads = 0;  // 0: what affinity and CPU quota allow
  MatrixProduct matrix_product = MatrixProduct::kAuto;
  const cpu::Kernels* kernels = nullptr;  // nullptr: the best this machine runs
};

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const CpuOptions& options = {});
  CpuBackend(CpuBackend&&) noexcept;
  ~CpuBackend() override;

  std::string description() const override;
  Device device() const override { return {}; }
  Tensor allocate(DType dtype, Shape shape) override;
  Tensor upload(const Tensor& host) override { return host; }
  Tensor download(const Tensor& x) override { return x; }
  Linear prepare(const Linear& layer, WeightForm form) override;
  void prepare_all(std::span<Linear* const> layers, WeightForm form) override;
  int64_t few_rows() const override { return cpu::kFewRows; }
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
  KeyValueBlock to_host(const KeyValueBlock& block) override { return block; }
  KeyValueBlock from_host(const KeyValueBlock& block) override { return block; }
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
  // Whether a product of that many rows goes through oneDNN in bf16, and what it reads then.
  bool takes_bf16_product(int64_t rows) const;
  DType product_input(int64_t rows) const;
  // In bf16, `offset` bytes behind a page's beginning if it has to be rounded.
  Tensor to_bf16(const Tensor& x, size_t offset = 0);
  Linear to_int8(const Linear& layer);
  Linear to_blocks(const Linear& layer);
  // y = activation(x W^T + b), or y += x W^T + b.
  void product(const Tensor& x, const Linear& layer, Activation activation, Tensor& y,
               bool accumulate);
  void product_bf16(const Tensor& x, const Linear& layer, Activation activation, Tensor& y,
                    bool accumulate);
  void product_int8(const Tensor& x, const Linear& layer, Activation activation, Tensor& y,
                    bool accumulate);
  // Whether a product of that many rows with such weights runs in int8.
  bool takes_blocks_product(int64_t rows, DType weights) const;
  // y (+)= x W^T
  void product_blocks(const Tensor& x, const Tensor& weight, Tensor& y, bool accumulate);
  void product_few_rows(const Tensor& x, const Tensor& weight, Tensor& y, bool accumulate);
  std::shared_ptr<void> prepare_rows(cpu::Storage storage, const Tensor& x);
  // body(first, rows) for ranges that cover n rows of weights.
  template <typename Body>
  void few_rows_by_tasks(int64_t n, const Body& body) const;
  void product_by_panels(const Tensor& x, const Tensor& weight, Tensor& y, bool accumulate);
  void finish_product(const Tensor& bias, Activation activation, Tensor& y);
  void apply_activation(Activation activation, float* values, int64_t n) const;
  // Keys and values [n*L, H, d] as one block per image and head.
  std::vector<KeyValueBlock> pack_images(const Tensor& k, const Tensor& v, int64_t tokens);
  // operation(row of x, row of y) for every row; y in the type that a product reads.
  template <typename RowOperation>
  Tensor rows_for_product(const Tensor& x, const RowOperation& operation);
  // Calls body(first, last) for ranges that cover the rows of a tensor.
  template <typename Body>
  void for_rows(int64_t rows, int64_t row_size, const Body& body) const;

  const cpu::Kernels* kernels_;
  int threads_;
  bool bf16_product_;
  bool blocks_product_;
  std::shared_ptr<cpu::MemoryPool> pool_;
  std::unique_ptr<cpu::OneDnnProducts> onednn_;
};

namespace cpu {

inline Storage storage_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return Storage::kF32;
    case DType::kF16:
      return Storage::kF16;
    case DType::kBF16:
      return Storage::kBF16;
    case DType::kI8:
      break;
    case DType::kQ8_0:
      return Storage::kQ8_0;
    case DType::kQ4_0:
      return Storage::kQ4_0;
    case DType::kQ4_K:
      return Storage::kQ4_K;
    case DType::kQ6_K:
      return Storage::kQ6_K;
  }
  OWL3_CHECK(false);
}

/// Where a weight lies; in blocks, where the block of its column begins.
inline const std::byte* element(const Tensor& weight, int64_t row, int64_t column) {
  return weight.data<std::byte>() + bytes_of(weight.dtype(), row * weight.dim(1) + column);
}

}  // namespace cpu
}  // namespace owl3
