// The attention operations: how queries, heads and keys are cut into tasks.
//
// A task is a key/value head, a chunk of query rows (tokens times the heads of the group, which
// share each key read) and a range of key blocks. With many queries the blocks stay together; with
// few (decoding) they are split, so that all threads have work, and the parts are joined by their
// log-sum-exp. The cut depends on shapes only, never on the number of threads.
#include <cmath>
#include <cstring>

#include "backend/cpu/for_rows.h"
#include "backend/cpu/online_attention.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using cpu::KeyRun;
using cpu::OnlineAttention;

constexpr int64_t kTasksWanted = 32;
// Scores times head size below which a second thread costs more than it brings.
constexpr int64_t kParallelAttention = int64_t{1} << 19;

KeyRun run_of(const KeyValueBlock& block, int64_t head) {
  const int64_t capacity = block.keys.dim(1);
  const int64_t d = block.keys.dim(2);
  const size_t offset = bytes_of(block.keys.dtype(), head * capacity * d);
  return {cpu::storage_of(block.keys.dtype()), block.keys.data<std::byte>() + offset,
          block.values.data<std::byte>() + offset, d, block.count};
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
    chunks = (rows + OnlineAttention::kChunkRows - 1) / OnlineAttention::kChunkRows;
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
      maximum = std::max(maximum, log_sum_exp.f32()[s * rows + row]);
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
    const int64_t first_row = chunk * OnlineAttention::kChunkRows;
    const int64_t rows = std::min(OnlineAttention::kChunkRows, cut.rows - first_row);
    OnlineAttention attention(kernels, pool, rows, cut.d);
    const int64_t first_block = split * cut.blocks_per_split;
    const int64_t last_block = std::min(blocks, first_block + cut.blocks_per_split);
    for (int64_t block = first_block; block < last_block; ++block) {
      if (!enter(attention, block, block == first_block, first_row, rows, kv_head)) continue;
      attention.attend(run_of(block_at(block), kv_head));
    }
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t token = (first_row + i) / cut.group;
      const int64_t head = kv_head * cut.group + (first_row + i) % cut.group;
      const int64_t index = (split * cut.tokens + token) * cut.heads + head;
      log_sum_exp.f32()[index] = attention.finish(i, out.f32() + index * cut.d);
    }
  });
  if (cut.splits == 1) return {out, log_sum_exp};
  return join_splits(backend, out, log_sum_exp, cut);
}

}  // namespace

Tensor CpuBackend::self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                  int64_t tokens_per_image) {
  const int64_t heads = q.dim(1);
  const int64_t d = q.dim(2);
  const int64_t images = q.dim(0) / tokens_per_image;
  const int64_t chunks =
      (tokens_per_image + OnlineAttention::kChunkRows - 1) / OnlineAttention::kChunkRows;
  Tensor y = allocate(DType::kF32, q.shape());
  parallel_for(threads_, images * heads * chunks, [&](int64_t task) {
    const int64_t first_row = task % chunks * OnlineAttention::kChunkRows;
    const int64_t head = task / chunks % heads;
    const int64_t first_token = task / chunks / heads * tokens_per_image;
    const int64_t rows = std::min(OnlineAttention::kChunkRows, tokens_per_image - first_row);
    const auto at = [&](int64_t token) { return ((first_token + token) * heads + head) * d; };
    OnlineAttention attention(*kernels_, *pool_, rows, d);
    for (int64_t i = 0; i < rows; ++i) {
      attention.set_query(i, q.f32() + at(first_row + i));
      attention.set_limit(i, tokens_per_image);
    }
    attention.attend({cpu::Storage::kF32, reinterpret_cast<const std::byte*>(k.f32() + at(0)),
                      reinterpret_cast<const std::byte*>(v.f32() + at(0)), heads * d,
                      tokens_per_image});
    for (int64_t i = 0; i < rows; ++i) attention.finish(i, y.f32() + at(first_row + i));
  });
  return y;
}

AttentionPart CpuBackend::causal_attention(const Tensor& q, std::span<const KeyValueBlock> pages,
                                           int64_t first_position) {
  const auto blocks = static_cast<int64_t>(pages.size());
  const Cut cut(q, pages[0].keys.dim(0), blocks);
  std::vector<int64_t> first_keys;  // position of each page's first key
  int64_t position = 0;
  for (const KeyValueBlock& page : pages) {
    first_keys.push_back(position);
    position += page.count;
  }
  return attend_blocks(
      *this, *kernels_, *pool_, threads_, cut, blocks,
      [&](int64_t block) -> const KeyValueBlock& { return pages[block]; },
      [&](OnlineAttention& attention, int64_t block, bool first, int64_t first_row, int64_t rows,
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
  const Cut cut(q, images[0].block.keys.dim(0), blocks);
  return attend_blocks(
      *this, *kernels_, *pool_, threads_, cut, blocks,
      [&](int64_t block) -> const KeyValueBlock& { return images[block].block; },
      [&](OnlineAttention& attention, int64_t block, bool, int64_t first_row, int64_t rows,
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
