// The attention operations: how queries, heads and keys are cut into tasks.
//
// A task is a sequence, a key/value head, a chunk of its query rows (tokens times the heads of the
// group, which share each key read) and a range of key blocks. With many queries the blocks stay
// together; with few (decoding) they are split, so that all threads have work, and the parts are
// joined by their log-sum-exp. The cut depends on the shapes of the sequence alone, never on the
// number of threads nor on the other sequences.
#include <cmath>
#include <cstring>

#include "backend/cpu/fetch_ahead.h"
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

/// How the attention of one sequence's rows over its blocks of keys is cut into tasks. It depends
/// on that sequence alone, so that its results do too.
struct Cut {
  int64_t tokens, heads, d, blocks;
  int64_t key_value_heads = 0, group = 0, rows = 0, chunks = 0, splits = 0, blocks_per_split = 0;
  // Where the sequence stands among all.
  int64_t first_token = 0;
  int64_t first_task = 0;
  int64_t first_part = 0;  // of its tokens' parts, where it has splits
  int64_t watched = 0;     // of its tokens, the last ones

  Cut(const Tensor& q, int64_t rows_of_sequence, std::span<const KeyValueBlock* const> keys)
      : tokens(rows_of_sequence),
        heads(q.dim(1)),
        d(q.dim(2)),
        blocks(static_cast<int64_t>(keys.size())) {
    if (keys.empty()) return;  // no tasks
    key_value_heads = keys[0]->heads;
    OWL3_CHECK(heads % key_value_heads == 0);
    group = heads / key_value_heads;
    rows = tokens * group;
    chunks = (rows + RowAttention::kChunkRows - 1) / RowAttention::kChunkRows;
    const int64_t wanted = std::max<int64_t>(1, kTasksWanted / (chunks * key_value_heads));
    blocks_per_split = (blocks + wanted - 1) / wanted;
    splits = (blocks + blocks_per_split - 1) / blocks_per_split;
  }
  int64_t tasks() const { return key_value_heads * chunks * splits; }
  int64_t parts() const { return splits > 1 ? splits * tokens : 0; }
};

/// Some rows of a sequence with the heads that share a key's head: row i is a token and a head.
struct Chunk {
  const Cut& cut;
  int64_t kv_head, first_row, rows;

  int64_t token(int64_t i) const { return (first_row + i) / cut.group; }
  bool is_watched(int64_t i) const { return token(i) >= cut.tokens - cut.watched; }
  int64_t head(int64_t i) const { return kv_head * cut.group + (first_row + i) % cut.group; }
  /// Of the queries of all sequences.
  const float* query(const Tensor& q, int64_t i) const {
    return q.f32() + ((cut.first_token + token(i)) * cut.heads + head(i)) * cut.d;
  }
};

/// The attention of several sequences' rows, each over its own blocks: a flat list of tasks.
class Attention {
 public:
  Attention(Backend& backend, const cpu::Kernels& kernels, cpu::MemoryPool& pool, const Tensor& q)
      : backend_(backend), kernels_(kernels), pool_(pool), q_(q) {}

  /// The next rows of q, and the blocks of keys that they see; what the last `watched` rows see of
  /// each block is told apart.
  void add_sequence(int64_t rows, std::vector<const KeyValueBlock*> blocks, int64_t watched = 0) {
    Cut cut(q_, rows, blocks);
    cut.first_token = tokens_;
    cut.first_task = tasks_;
    cut.first_part = parts_;
    cut.watched = watched;
    if (watched > 0) {
      by_block_.resize(cuts_.size() + 1);
      by_block_.back() = backend_.allocate(DType::kF32, {watched, cut.heads, cut.blocks});
      std::fill_n(by_block_.back().f32(), by_block_.back().size(), -INFINITY);
    }
    tokens_ += rows;
    tasks_ += cut.tasks();
    parts_ += cut.parts();
    for (const KeyValueBlock* block : blocks) work_ += rows * cut.heads * block->count * cut.d;
    cuts_.push_back(cut);
    blocks_.push_back(std::move(blocks));
  }

  /// Runs all tasks. enter(attention, sequence, block, first, chunk) sets the limits of the chunk's
  /// rows for that block, and their queries at least for the first block of a task, and returns
  /// false when no row sees it.
  template <typename Enter>
  AttentionPart run(int threads, const Enter& enter) {
    OWL3_CHECK(tokens_ == q_.dim(0));
    const int64_t heads = q_.dim(1);
    const int64_t d = q_.dim(2);
    AttentionPart all = {backend_.allocate(DType::kF32, {tokens_, heads, d}),
                         backend_.allocate(DType::kF32, {tokens_, heads})};
    AttentionPart parts = {backend_.allocate(DType::kF32, {parts_, heads, d}),
                           backend_.allocate(DType::kF32, {parts_, heads})};
    if (!by_block_.empty()) by_block_.resize(cuts_.size());
    parallel_for(work_ < kParallelAttention ? 1 : threads, tasks_, [&](int64_t task) {
      const auto after = [](int64_t number, const Cut& cut) { return number < cut.first_task; };
      const auto next = std::upper_bound(cuts_.begin(), cuts_.end(), task, after);
      const auto sequence = static_cast<size_t>(next - cuts_.begin() - 1);
      const Cut& cut = cuts_[sequence];
      run_task(sequence, task - cut.first_task, cut.splits > 1 ? parts : all, enter);
    });
    for (const Cut& cut : cuts_) {
      if (cut.blocks == 0) see_nothing(cut, all);
      if (cut.splits > 1) join_splits(cut, parts, all);
    }
    all.by_image = std::move(by_block_);
    return all;
  }

 private:
  template <typename Enter>
  void run_task(size_t sequence, int64_t task, AttentionPart& target, const Enter& enter) {
    const Cut& cut = cuts_[sequence];
    const int64_t split = task % cut.splits;
    const int64_t first_row = task / cut.splits % cut.chunks * RowAttention::kChunkRows;
    const Chunk chunk = {cut, task / cut.splits / cut.chunks, first_row,
                         std::min(RowAttention::kChunkRows, cut.rows - first_row)};
    const std::vector<const KeyValueBlock*>& blocks = blocks_[sequence];
    const auto attention =
        RowAttention::create(kernels_, pool_, chunk.rows, cut.d, blocks[0]->keys.dtype());
    const int64_t first_block = split * cut.blocks_per_split;
    const int64_t last_block = std::min(cut.blocks, first_block + cut.blocks_per_split);
    const bool watched = chunk.is_watched(chunk.rows - 1);
    for (int64_t block = first_block; block < last_block; ++block) {
      const auto index = static_cast<size_t>(block);
      if (!enter(*attention, sequence, index, block == first_block, chunk)) continue;
      if (watched) attention->mark();
      KeyRun run = run_of(*blocks[index], chunk.kv_head, cut.d);
      if (block + 1 < last_block) {
        const KeyRun following = run_of(*blocks[index + 1], chunk.kv_head, cut.d);
        run.following_keys = following.keys;
        run.following_values = following.values;
      }
      attention->attend(run);
      if (watched) tell_block(*attention, by_block_[sequence], block, chunk);
    }
    const int64_t first = cut.splits > 1 ? cut.first_part + split * cut.tokens : cut.first_token;
    for (int64_t i = 0; i < chunk.rows; ++i) {
      const int64_t index = (first + chunk.token(i)) * cut.heads + chunk.head(i);
      target.log_sum_exp.f32()[index] = attention->finish(i, target.out.f32() + index * cut.d);
    }
  }

  /// What the chunk's watched rows have seen of a block, since it was marked.
  static void tell_block(const RowAttention& attention, Tensor& by_block, int64_t block,
                         const Chunk& chunk) {
    const Cut& cut = chunk.cut;
    for (int64_t i = 0; i < chunk.rows; ++i) {
      if (!chunk.is_watched(i)) continue;
      const int64_t row = chunk.token(i) - (cut.tokens - cut.watched);
      by_block.f32()[(row * cut.heads + chunk.head(i)) * cut.blocks + block] =
          attention.log_sum_exp_since_mark(i);
    }
  }

  static void see_nothing(const Cut& cut, AttentionPart& all) {
    const int64_t first = cut.first_token * cut.heads;
    const int64_t rows = cut.tokens * cut.heads;
    std::fill_n(all.out.f32() + first * cut.d, rows * cut.d, 0.0f);
    std::fill_n(all.log_sum_exp.f32() + first, rows, -INFINITY);
  }

  /// Joins the parts of every row of a sequence: out [splits, T, H, d], log_sum_exp [splits, T, H].
  static void join_splits(const Cut& cut, const AttentionPart& parts, AttentionPart& all) {
    const int64_t rows = cut.tokens * cut.heads;
    const float* out = parts.out.f32() + cut.first_part * cut.heads * cut.d;
    const float* log_sum_exp = parts.log_sum_exp.f32() + cut.first_part * cut.heads;
    for (int64_t row = 0; row < rows; ++row) {
      float maximum = -INFINITY;
      for (int64_t s = 0; s < cut.splits; ++s) {
        const float part = log_sum_exp[s * rows + row];
        if (part > maximum || std::isnan(part)) maximum = part;  // NaN stays
      }
      const int64_t joined = cut.first_token * cut.heads + row;
      float* target = all.out.f32() + joined * cut.d;
      std::fill_n(target, cut.d, 0.0f);
      all.log_sum_exp.f32()[joined] = maximum;
      if (maximum == -INFINITY) continue;
      float sum = 0;
      for (int64_t s = 0; s < cut.splits; ++s) {
        sum += std::exp(log_sum_exp[s * rows + row] - maximum);
      }
      all.log_sum_exp.f32()[joined] = maximum + std::log(sum);
      for (int64_t s = 0; s < cut.splits; ++s) {
        const float share = std::exp(log_sum_exp[s * rows + row] - maximum) / sum;
        const float* part = out + (s * rows + row) * cut.d;
        for (int64_t i = 0; i < cut.d; ++i) target[i] += share * part[i];
      }
    }
  }

  Backend& backend_;
  const cpu::Kernels& kernels_;
  cpu::MemoryPool& pool_;
  const Tensor& q_;
  std::vector<Cut> cuts_;                                  // by sequence
  std::vector<std::vector<const KeyValueBlock*>> blocks_;  // by sequence
  std::vector<Tensor> by_block_;  // by sequence, [watched, H, blocks]; empty where none is watched
  int64_t tokens_ = 0, tasks_ = 0, parts_ = 0;
  int64_t work_ = 0;  // scores times head size
};

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
    KeyValueBlock& block = blocks[static_cast<size_t>(task / heads)];
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
      if (i + cpu::kRowsAhead < rows) {
        cpu::fetch_ahead(q.f32() + at(first_row + i + cpu::kRowsAhead), 4 * d);
      }
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

AttentionPart CpuBackend::causal_attention(const Tensor& q, std::span<const TextRows> sequences) {
  Attention attention(*this, *kernels_, *pool_, q);
  std::vector<std::vector<int64_t>> first_keys;  // by sequence, the position of each page's first
  for (const TextRows& sequence : sequences) {
    std::vector<const KeyValueBlock*> blocks;
    std::vector<int64_t>& of_pages = first_keys.emplace_back();
    int64_t position = 0;
    for (const KeyValueBlock& page : sequence.pages) {
      blocks.push_back(&page);
      of_pages.push_back(position);
      position += page.count;
    }
    attention.add_sequence(sequence.rows, std::move(blocks));
  }
  return attention.run(threads_, [&](RowAttention& rows, size_t sequence, size_t block, bool first,
                                     const Chunk& chunk) {
    const int64_t count = sequences[sequence].pages[block].count;
    const int64_t before = first_keys[sequence][block] - sequences[sequence].first_position;
    for (int64_t i = 0; i < chunk.rows; ++i) {
      if (first) rows.set_query(i, chunk.query(q, i));
      rows.set_limit(i, std::clamp<int64_t>(chunk.token(i) - before + 1, 0, count));
    }
    return true;
  });
}

AttentionPart CpuBackend::visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                           const Tensor& rope) {
  Attention attention(*this, *kernels_, *pool_, q);
  for (const VisualRows& sequence : sequences) {
    std::vector<const KeyValueBlock*> blocks;
    for (const VisibleImage& image : sequence.images) blocks.push_back(&image.block);
    attention.add_sequence(sequence.rows, std::move(blocks), sequence.watched_rows);
  }
  return attention.run(
      threads_, [&](RowAttention& rows, size_t sequence, size_t block, bool, const Chunk& chunk) {
        const VisibleImage& image = sequences[sequence].images[block];
        const int64_t first_position = sequences[sequence].first_position;
        if (first_position + chunk.token(chunk.rows - 1) < image.first_query) return false;
        std::vector<float> rotated(static_cast<size_t>(chunk.cut.d));
        for (int64_t i = 0; i < chunk.rows; ++i) {
          const int64_t t = first_position + chunk.token(i);
          const bool visible = t >= image.first_query;
          rows.set_limit(i, visible ? image.block.count : 0);
          if (!visible) continue;
          // rotate(q, t) . rotate(k, p_i) = rotate(q, t - p_i) . k
          const float* angles = rope.f32() + (t - image.position) * chunk.cut.d;
          kernels_->rotate(chunk.query(q, i), angles, angles + chunk.cut.d / 2, rotated.data(),
                           chunk.cut.d);
          rows.set_query(i, rotated.data());
        }
        return true;
      });
}

}  // namespace owl3
