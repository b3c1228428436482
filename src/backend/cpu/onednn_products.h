// Matrix products by oneDNN: y[M, N] = x[M, K] W[N, K]^T, with what may follow it.
#pragma once

#include <dnnl.hpp>
#include <map>
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/memory_pool.h"

namespace owl3::cpu {

/// Keeps the primitives of the shapes it has met: making one costs as much as a small product. A
/// product is cut into tiles, each a product of oneDNN's on one thread: a thread that the system
/// gives to someone else holds up one tile, and none of oneDNN's own is left spinning.
class OneDnnProducts {
 public:
  OneDnnProducts(std::shared_ptr<MemoryPool> pool, int threads);

  /// Output features first.. of y = activation(x W^T + b), or of y += x W^T + b, from the bf16
  /// weights [columns, K] of those features. x bf16; y bf16 or float32.
  void multiply_bf16(const Tensor& x, const uint16_t* weights, int64_t columns, const Tensor& bias,
                     Activation activation, bool accumulate, Tensor& y, int64_t first);
  /// int32 sums of int8 x [M, K] and weights of pack_int8.
  void multiply_int8(const Tensor& x, const Tensor& packed_weights, Tensor& sums);
  /// int8 weights [N, K] as oneDNN's kernels like them best: opaque, [N, bytes per row].
  Tensor pack_int8(const Tensor& weights);

 private:
  enum class Follow { kNothing, kSum, kGeluTanh, kGeluErf };
  struct Key {
    int64_t m, k, n, row_stride;
    bool int8, bf16_result, bias;
    Follow follow;
    auto operator<=>(const Key&) const = default;
  };
  struct Product {
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
  };

  Product product(const Key& key);
  Product make_product(const Key& key) const;
  dnnl::memory::desc packed_layout(int64_t k, int64_t n) const;
  void execute(const Product& product, const void* x, const void* weights, const float* bias,
               void* y) const;

  std::shared_ptr<MemoryPool> pool_;
  int threads_;
  dnnl::engine engine_;
  std::map<Key, Product> products_;
};

}  // namespace owl3::cpu
