// The attention operations: how queries, heads and keys are cut into tasks.
//
// A task is a key/value head, a chunk of query rows (tokens times the heads of the group, which
// share each key read) and a range of key blocks. With many queries the blocks stay together; with
// few (decoding) they are split, so that all threads have work, and the parts are joined by their
// log-sum-exp. The cut depends on shapes only, never on the number of threads.
#include <cmath>
#include <cstring>

#include "backend/cpu/for_rows.h"
#include "backend/cpu/row_attention.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using cpu::KeyRun;
using cpu::RowAttention;

constexpr int64_t kTasksWanted = 32;
// Scores times head size below which a second thread costs more than it brings.
constexpr int64_t kParallelAttention = int64_t{1} << 19;

KeyRun run_of(const KeyValueBlock& block, int64_t head, int64_t d) {
  KeyRun run = {};
  run.dtype = block.keys.dtype();
  run.keys = block.keys.data<std::byte>() + bytes_of(run.dtype, head * block.keys.row_size());
  run.values = block.values.data<std::byte>() + bytes_of(run.dtype, head * block.values.row_size());
  if (block.key_scales.defined()) {
    run.key_scales = block.key_scales.f32() + head * block.capacity;
    run.value_scales = block.value_scales.f32() + head * block.capacity;
  }
  run.stride = d;
  run.count = block.count;
  return run;
}

/// How a grouped attention over blocks of keys is cut into tasks.
struct Cut {
  int64_t tokens, heads, key_value_heads, d;
  int64_t group, rows, chunks, splits, blocks_per_split;

  Cut(const Tensor& q, int64_t key_value_heads_in, int64_t blocks)
      : tokens(q.dim(0)), heads(q.dim(1)), key_value_heads(key_value_heads_in), d(q.dim(2)) {
    OWL3_CHECK(heads % key_value_heads == 0);
    group = heads / key_value_heads;
    rows = tokens * group;
    chunks = (rows + RowAttention::kChunkRows - 1) / RowAttention::kChunkRows;
    const int64_t wanted = std::max<int64_t>(1, kTasksWanted / (chunks * key_value_heads));
    blocks_per_split = (blocks + wanted - 1) / wanted;
    splits = (blocks + blocks_per_split - 1) / blocks_per_split;
  }
  int64_t tasks() const { return key_value_heads * chunks * splits; }
};

/// Joins the parts of every row: out [splits, T, H, d], log_sum_exp [splits, T, H].
AttentionPart join_splits(Backend& backend, const Tensor& out, const Tensor& log_sum_exp,
                          const Cut& cut) {
  AttentionPart joined = {backend.allocate(DType::kF32, {cut.tokens, cut.heads, cut.d}),
                          backend.allocate(DType::kF32, {cut.tokens, cut.heads})};
  const int64_t rows = cut.tokens * cut.heads;
  for (int64_t row = 0; row < rows; ++row) {
    float maximum = -INFINITY;
    for (int64_t s = 0; s < cut.splits; ++s) {
      const float part = log_sum_exp.f32()[s * rows + row];
      if (part > maximum || std::isnan(part)) maximum = part;  // NaN stays
    }
    float* target = joined.out.f32() + row * cut.d;
    std::fill_n(target, cut.d, 0.0f);
    joined.log_sum_exp.f32()[row] = maximum;
    if (maximum == -INFINITY) continue;
    float sum = 0;
    for (int64_t s = 0; s < cut.splits; ++s) {
      sum += std::exp(log_sum_exp.f32()[s * rows + row] - maximum);
    }
    joined.log_sum_exp.f32()[row] = maximum + std::log(sum);
    for (int64_t s = 0; s < cut.splits; ++s) {
      const float share = std::exp(log_sum_exp.f32()[s * rows + row] - maximum) / sum;
      const float* part = out.f32() + (s * rows + row) * cut.d;
      for (int64_t i = 0; i < cut.d; ++i) target[i] += share * part[i];
    }
  }
  return joined;
}

/// Runs all tasks. enter(attention, block, first_row, rows, head) sets the queries and limits of
/// the chunk's rows for that block and returns false when no row sees it.
template <typename Enter, typename BlockAt>
AttentionPart attend_blocks(Backend& backend, const cpu::Kernels& kernels, cpu::MemoryPool& pool,
                            int threads, const Cut& cut, int64_t blocks, const BlockAt& block_at,
                            const Enter& enter) {
  Tensor out = backend.allocate(DType::kF32, {cut.splits * cut.tokens, cut.heads, cut.d});
  Tensor log_sum_exp = backend.allocate(DType::kF32, {cut.splits * cut.tokens, cut.heads});
  int64_t keys = 0;
  for (int64_t block = 0; block < blocks; ++block) keys += block_at(block).count;
  if (cut.tokens * cut.heads * keys * cut.d < kParallelAttention) threads = 1;
  parallel_for(threads, cut.tasks(), [&](int64_t task) {
    const int64_t split = task % cut.splits;
    const int64_t chunk = task / cut.splits % cut.chunks;
    const int64_t kv_head = task / cut.splits / cut.chunks;
    const int64_t first_row = chunk * RowAttention::kChunkRows;
    const int64_t rows = std::min(RowAttention::kChunkRows, cut.rows - first_row);
    const auto attention =
        RowAttention::create(kernels, pool, rows, cut.d, block_at(0).keys.dtype());
    const int64_t first_block = split * cut.blocks_per_split;
    const int64_t last_block = std::min(blocks, first_block + cut.blocks_per_split);
    for (int64_t block = first_block; block < last_block; ++block) {
      if (!enter(*attention, block, block == first_block, first_row, rows, kv_head)) continue;
      attention->attend(run_of(block_at(block), kv_head, cut.d));
    }
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t token = (first_row + i) / cut.group;
      const int64_t head = kv_head * cut.group + (first_row + i) % cut.group;
      const int64_t index = (split * cut.tokens + token) * cut.heads + head;
      log_sum_exp.f32()[index] = attention->finish(i, out.f32() + index * cut.d);
    }
  });
  if (cut.splits == 1) return {out, log_sum_exp};
  return join_splits(backend, out, log_sum_exp, cut);
}

}  // namespace

std::vector<KeyValueBlock> CpuBackend::pack_images(const Tensor& k, const Tensor& v,
                                                   int64_t tokens) {
  const int64_t heads = k.dim(1);
  const int64_t d = k.dim(2);
  std::vector<KeyValueBlock> blocks(static_cast<size_t>(k.dim(0) / tokens));
  for (KeyValueBlock& block : blocks) {
    block.heads = heads;
    block.capacity = cpu::padded_keys(tokens);
    block.count = tokens;
    block.keys = allocate(DType::kBF16, {heads, block.capacity * cpu::head_pairs(d) * 2});
    block.values = allocate(DType::kBF16, {heads, block.capacity * cpu::padded_head_size(d)});
  }
  parallel_for(threads_, static_cast<int64_t>(blocks.size()) * heads, [&](int64_t task) {
    const KeyValueBlock& block = blocks[static_cast<size_t>(task / heads)];
    const int64_t head = task % heads;
    const int64_t from = task / heads * tokens * heads * d + head * d;
    auto* keys = block.keys.data<uint16_t>() + head * block.keys.row_size();
    auto* values = block.values.data<uint16_t>() + head * block.values.row_size();
    // Scores of keys behind the last are masked, but 0 times the garbage of a value may be NaN.
    const int64_t filled = cpu::packed_value_index(tokens - 1, 0, d) / 2 * 2;
    std::fill(values + filled, values + block.values.row_size(), uint16_t{0});
    kernels_->pack_keys(k.f32() + from, heads * d, tokens, 0, d, keys);
    kernels_->pack_values(v.f32() + from, heads * d, tokens, 0, d, values);
  });
  return blocks;
}

Tensor CpuBackend::self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                  int64_t tokens_per_image) {
  const int64_t heads = q.dim(1);
  const int64_t d = q.dim(2);
  const int64_t images = q.dim(0) / tokens_per_image;
  const int64_t chunks =
      (tokens_per_image + RowAttention::kChunkRows - 1) / RowAttention::kChunkRows;
  const bool packed = product_input(q.dim(0)) == DType::kBF16;
  const std::vector<KeyValueBlock> blocks =
      packed ? pack_images(k, v, tokens_per_image) : std::vector<KeyValueBlock>();
  Tensor y = allocate(product_input(q.dim(0)), q.shape());
  parallel_for(threads_, images * heads * chunks, [&](int64_t task) {
    const int64_t first_row = task % chunks * RowAttention::kChunkRows;
    const int64_t head = task / chunks % heads;
    const int64_t image = task / chunks / heads;
    const int64_t rows = std::min(RowAttention::kChunkRows, tokens_per_image - first_row);
    const auto at = [&](int64_t token) {
      return ((image * tokens_per_image + token) * heads + head) * d;
    };
    const auto attention =
        RowAttention::create(*kernels_, *pool_, rows, d, packed ? DType::kBF16 : DType::kF32);
    for (int64_t i = 0; i < rows; ++i) {
      attention->set_query(i, q.f32() + at(first_row + i));
      attention->set_limit(i, tokens_per_image);
    }
    if (packed) {
      attention->attend(run_of(blocks[static_cast<size_t>(image)], head, d));
    } else {
      attention->attend({DType::kF32, k.f32() + at(0), v.f32() + at(0), nullptr, nullptr, heads * d,
                         tokens_per_image});
    }
    std::vector<float> out(static_cast<size_t>(d));
    for (int64_t i = 0; i < rows; ++i) {
      attention->finish(i, out.data());
      if (packed) {
        kernels_->to_bf16(out.data(), y.data<uint16_t>() + at(first_row + i), d);
      } else {
        std::copy(out.begin(), out.end(), y.f32() + at(first_row + i));
      }
    }
  });
  return y;
}

AttentionPart CpuBackend::causal_attention(const Tensor& q, std::span<const KeyValueBlock> pages,
                                           int64_t first_position) {
  const auto blocks = static_cast<int64_t>(pages.size());
  const Cut cut(q, pages[0].heads, blocks);
  std::vector<int64_t> first_keys;  // position of each page's first key
  int64_t position = 0;
  for (const KeyValueBlock& page : pages) {
    first_keys.push_back(position);
    position += page.count;
  }
  return attend_blocks(
      *this, *kernels_, *pool_, threads_, cut, blocks,
      [&](int64_t block) -> const KeyValueBlock& { return pages[block]; },
      [&](RowAttention& attention, int64_t block, bool first, int64_t first_row, int64_t rows,
          int64_t kv_head) {
        const int64_t count = pages[block].count;
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t token = (first_row + i) / cut.group;
          const int64_t head = kv_head * cut.group + (first_row + i) % cut.group;
          if (first) attention.set_query(i, q.f32() + (token * cut.heads + head) * cut.d);
          const int64_t seen = first_position + token - first_keys[block] + 1;
          attention.set_limit(i, std::clamp<int64_t>(seen, 0, count));
        }
        return true;
      });
}

AttentionPart CpuBackend::visual_attention(const Tensor& q, std::span<const VisibleImage> images,
                                           const Tensor& rope, int64_t first_position) {
  const auto blocks = static_cast<int64_t>(images.size());
  OWL3_CHECK(blocks > 0);
  const Cut cut(q, images[0].block.heads, blocks);
  return attend_blocks(
      *this, *kernels_, *pool_, threads_, cut, blocks,
      [&](int64_t block) -> const KeyValueBlock& { return images[block].block; },
      [&](RowAttention& attention, int64_t block, bool, int64_t first_row, int64_t rows,
          int64_t kv_head) {
        const VisibleImage& image = images[block];
        const int64_t last_token = (first_row + rows - 1) / cut.group;
        if (first_position + last_token < image.first_query) return false;
        std::vector<float> rotated(static_cast<size_t>(cut.d));
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t token = (first_row + i) / cut.group;
          const int64_t head = kv_head * cut.group + (first_row + i) % cut.group;
          const int64_t t = first_position + token;
          const bool visible = t >= image.first_query;
          attention.set_limit(i, visible ? image.block.count : 0);
          if (!visible) continue;
          // rotate(q, t) . rotate(k, p_i) = rotate(q, t - p_i) . k
          const float* angles = rope.f32() + (t - image.position) * cut.d;
          kernels_->rotate(q.f32() + (token * cut.heads + head) * cut.d, angles, angles + cut.d / 2,
                           rotated.data(), cut.d);
          attention.set_query(i, rotated.data());
        }
        return true;
      });
}

}  // namespace owl3
