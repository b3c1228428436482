#include "backend/cpu/onednn_products.h"

#include <sys/mman.h>

#include <new>

#include "core/threads.h"

namespace owl3::cpu {

namespace {

using dnnl::memory;

// Shapes change with every prompt's length; beyond this many, all are forgotten.
constexpr size_t kMaxProducts = 512;

dnnl::algorithm gelu_of(bool tanh) {
  return tanh ? dnnl::algorithm::eltwise_gelu_tanh : dnnl::algorithm::eltwise_gelu_erf;
}

/// oneDNN 2.7 writes its code to memory that it doesn't check it was given, and a std::bad_alloc
/// inside breaks its cache of kernels for the whole process; so there must be more than enough.
void require_room_for_code() {
  constexpr size_t kMoreThanEnough = 16 << 20;
  void* const room = ::mmap(nullptr, kMoreThanEnough, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, kMoreThanEnough);
}

/// What oneDNN does; its lack of memory is std::bad_alloc, as everywhere.
template <typename Action>
decltype(auto) by_onednn(const Action& action) {
  try {
    return action();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw;
  }
}

}  // namespace

OneDnnProducts::OneDnnProducts(std::shared_ptr<MemoryPool> pool, int threads)
    : pool_(std::move(pool)),
      threads_(threads),
      engine_(dnnl::engine::kind::cpu, 0),
      stream_(engine_) {}

const OneDnnProducts::Product& OneDnnProducts::product(const Key& key) {
  const auto found = products_.find(key);
  if (found != products_.end()) return found->second;
  if (products_.size() >= kMaxProducts) products_.clear();
  return products_.emplace(key, by_onednn([&] { return make_product(key); })).first->second;
}

OneDnnProducts::Product OneDnnProducts::make_product(const Key& key) const {
  const auto element = key.int8 ? memory::data_type::s8 : memory::data_type::bf16;
  const auto result = key.int8          ? memory::data_type::s32
                      : key.bf16_result ? memory::data_type::bf16
                                        : memory::data_type::f32;
  const memory::desc source({key.m, key.k}, element, memory::format_tag::ab);
  const memory::desc weights = key.int8
                                   ? packed_layout(key.k, key.n)
                                   : memory::desc({key.k, key.n}, element, memory::format_tag::ba);
  const memory::desc bias =
      key.bias ? memory::desc({1, key.n}, memory::data_type::f32, memory::format_tag::ab)
               : memory::desc();
  const memory::desc target({key.m, key.n}, result, memory::dims{key.row_stride, 1});
  dnnl::post_ops operations;
  if (key.follow == Follow::kSum) {
    operations.append_sum(1.0f);
  } else if (key.follow != Follow::kNothing) {
    operations.append_eltwise(1.0f, gelu_of(key.follow == Follow::kGeluTanh), 0, 0);
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(operations);
  // Else every product would map and clear fresh pages for its scratch memory.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(source, weights, bias, target),
                                                 attributes, engine_);
  require_room_for_code();
  return {description, dnnl::matmul(description)};
}

void OneDnnProducts::execute(const Product& product, const void* x, const void* weights,
                             const float* bias, void* y) {
  const dnnl::matmul::primitive_desc& description = product.description;
  const auto scratch = pool_->allocate(description.scratchpad_desc().get_size());
  const auto of = [&](const memory::desc& layout, const void* data) {
    return memory(layout, engine_, const_cast<void*>(data));
  };
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, of(description.src_desc(), x)},
      {DNNL_ARG_WEIGHTS, of(description.weights_desc(), weights)},
      {DNNL_ARG_DST, of(description.dst_desc(), y)},
      {DNNL_ARG_SCRATCHPAD, of(description.scratchpad_desc(), scratch.get())}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, of(description.bias_desc(), bias));
  set_library_threads(threads_);
  by_onednn([&] {
    product.primitive.execute(stream_, arguments);
    stream_.wait();
  });
}

void OneDnnProducts::multiply_bf16(const Tensor& x, const uint16_t* weights, int64_t columns,
                                   const Tensor& bias, Activation activation, bool accumulate,
                                   Tensor& y, int64_t first) {
  Key key = {};
  key.m = x.dim(0);
  key.k = x.dim(1);
  key.n = columns;
  key.row_stride = y.dim(1);
  key.bf16_result = y.dtype() == DType::kBF16;
  key.bias = bias.defined();
  key.follow = accumulate                            ? Follow::kSum
               : activation == Activation::kGeluTanh ? Follow::kGeluTanh
               : activation == Activation::kGeluErf  ? Follow::kGeluErf
                                                     : Follow::kNothing;
  execute(product(key), x.raw(), weights, bias.defined() ? bias.f32() + first : nullptr,
          y.data<std::byte>() + bytes_of(y.dtype(), first));
}

memory::desc OneDnnProducts::packed_layout(int64_t k, int64_t n) const {
  constexpr int64_t kTypicalRows = 729;  // of an image; the layout must not depend on the rows
  const memory::desc source({kTypicalRows, k}, memory::data_type::s8, memory::format_tag::ab);
  const memory::desc any({k, n}, memory::data_type::s8, memory::format_tag::any);
  const memory::desc target({kTypicalRows, n}, memory::data_type::s32, memory::format_tag::ab);
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(source, any, target), engine_)
      .weights_desc();
}

void OneDnnProducts::multiply_int8(const Tensor& x, const Tensor& packed_weights, Tensor& sums) {
  Key key = {};
  key.m = x.dim(0);
  key.k = x.dim(1);
  key.n = packed_weights.dim(0);
  key.row_stride = key.n;
  key.int8 = true;
  execute(product(key), x.raw(), packed_weights.raw(), nullptr, sums.raw());
}

Tensor OneDnnProducts::pack_int8(const Tensor& weights) {
  const int64_t n = weights.dim(0);
  const int64_t k = weights.dim(1);
  const memory::desc layout = packed_layout(k, n);
  const auto row_bytes = (static_cast<int64_t>(layout.get_size()) + n - 1) / n;
  Tensor packed = make_tensor(DType::kI8, {n, row_bytes});
  memory from({{k, n}, memory::data_type::s8, memory::format_tag::ba}, engine_, weights.raw());
  memory to(layout, engine_, packed.raw());
  by_onednn([&] {
    require_room_for_code();
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  });
  return packed;
}

}  // namespace owl3::cpu
