#include "backend/cpu/onednn_products.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "backend/cpu/onednn_alone.h"
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

/// What oneDNN does, on this thread; its lack of memory is std::bad_alloc, as everywhere.
template <typename Action>
decltype(auto) by_onednn(const Action& action) {
  const OneDnnAlone alone;
  try {
    return action();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw;
  }
}

/// Parts of an extent, equal but for the last.
struct Cut {
  int64_t extent;
  int64_t part;
  int64_t count() const { return (extent + part - 1) / part; }
  int64_t size(int64_t i) const { return std::min(part, extent - i * part); }
};

/// At most `parts` of whole granules.
Cut cut(int64_t extent, int64_t parts, int64_t granule) {
  const int64_t even = (extent + parts - 1) / parts;
  return {extent, (even + granule - 1) / granule * granule};
}

/// Of `parts` at most, as many that each thread gets equally many, each of them at most `most`.
int64_t equal_parts(int64_t extent, int64_t threads, int64_t most) {
  return threads * ((extent + threads * most - 1) / (threads * most));
}

struct Tiles {
  Cut rows;
  Cut columns;
};

/// Tiles of a product with weights that are packed anew for every row of tiles: columns are cut
/// first. Below kLeastColumns a tile runs at four fifths of the speed, so then rows are, too.
Tiles cut_columns_first(int64_t rows, int64_t columns, int threads) {
  constexpr int64_t kLeastColumns = 128, kMostColumns = 384, kLeastRows = 64, kGranule = 16;
  int64_t row_parts = 1;
  while (columns * row_parts < threads * kLeastColumns && rows >= 2 * row_parts * kLeastRows) {
    row_parts *= 2;
  }
  const int64_t threads_across = (threads + row_parts - 1) / row_parts;
  return {cut(rows, row_parts, 1),
          cut(columns, equal_parts(columns, threads_across, kMostColumns), kGranule)};
}

}  // namespace

OneDnnProducts::OneDnnProducts(std::shared_ptr<MemoryPool> pool, int threads)
    : pool_(std::move(pool)), threads_(threads), engine_(dnnl::engine::kind::cpu, 0) {}

OneDnnProducts::Product OneDnnProducts::product(const Key& key) {
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
                             const float* bias, void* y) const {
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
  by_onednn([&] {
    dnnl::stream stream(engine_);
    product.primitive.execute(stream, arguments);
    stream.wait();
  });
}

void OneDnnProducts::multiply_bf16(const Tensor& x, const uint16_t* weights, int64_t columns,
                                   const Tensor& bias, Activation activation, bool accumulate,
                                   Tensor& y, int64_t first) {
  Key key = {};
  key.k = x.dim(1);
  key.row_stride = y.dim(1);
  key.bf16_result = y.dtype() == DType::kBF16;
  key.bias = bias.defined();
  key.follow = accumulate                            ? Follow::kSum
               : activation == Activation::kGeluTanh ? Follow::kGeluTanh
               : activation == Activation::kGeluErf  ? Follow::kGeluErf
                                                     : Follow::kNothing;
  const auto [rows, cols] = cut_columns_first(x.dim(0), columns, threads_);
  const auto tile_product = [&](int64_t m, int64_t n) {
    key.m = m;
    key.n = n;
    return product(key);
  };
  const int64_t last_row = rows.count() - 1;
  const int64_t last_column = cols.count() - 1;
  const Product products[2][2] = {{tile_product(rows.size(0), cols.size(0)),
                                   tile_product(rows.size(0), cols.size(last_column))},
                                  {tile_product(rows.size(last_row), cols.size(0)),
                                   tile_product(rows.size(last_row), cols.size(last_column))}};
  parallel_for(threads_, rows.count() * cols.count(), [&](int64_t task) {
    const int64_t i = task % rows.count();
    const int64_t j = task / rows.count();
    const int64_t row = i * rows.part;
    const int64_t column = j * cols.part;
    execute(products[i == last_row][j == last_column], x.data<uint16_t>() + row * key.k,
            weights + column * key.k, bias.defined() ? bias.f32() + first + column : nullptr,
            y.data<std::byte>() + bytes_of(y.dtype(), row * key.row_stride + first + column));
  });
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
  constexpr int64_t kMostRows = 128, kLeastRows = 16;  // packed weights cost a further tile nothing
  const int64_t parts = equal_parts(x.dim(0), threads_, kMostRows);
  const Cut rows = cut(x.dim(0), parts, kLeastRows);
  Key key = {};
  key.k = x.dim(1);
  key.n = packed_weights.dim(0);
  key.row_stride = key.n;
  key.int8 = true;
  key.m = rows.size(0);
  const Product whole = product(key);
  key.m = rows.size(rows.count() - 1);
  const Product last = product(key);
  parallel_for(threads_, rows.count(), [&](int64_t i) {
    const int64_t row = i * rows.part;
    execute(i == rows.count() - 1 ? last : whole, x.data<int8_t>() + row * key.k,
            packed_weights.raw(), nullptr, sums.data<int32_t>() + row * key.n);
  });
}

Tensor OneDnnProducts::pack_int8(const Tensor& weights) {
  const int64_t n = weights.dim(0);
  const int64_t k = weights.dim(1);
  const memory::desc layout = by_onednn([&] { return packed_layout(k, n); });
  const auto row_bytes = (static_cast<int64_t>(layout.get_size()) + n - 1) / n;
  Tensor packed = make_tensor(DType::kI8, {n, row_bytes});
  memory from({{k, n}, memory::data_type::s8, memory::format_tag::ba}, engine_,
              const_cast<void*>(weights.raw()));
  memory to(layout, engine_, packed.raw());
  by_onednn([&] {
    require_room_for_code();
    dnnl::stream stream(engine_);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  });
  return packed;
}

}  // namespace owl3::cpu
