// A backend whose tensors nobody else can read, as those of a graphics card: their addresses lie in
// memory without access, and only its operations know where the content is. Code that looks at a
// number of such a tensor dies of it.
#pragma once

#include <sys/mman.h>

#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "backend/backend.h"

namespace owl3 {

/// Two stretches of addresses of the same size: tensors point into the one without access, the
/// content lies at the same place of the other.
class GuardedMemory : public std::enable_shared_from_this<GuardedMemory> {
 public:
  GuardedMemory() : outside_(reserve(PROT_NONE)), inside_(reserve(PROT_READ | PROT_WRITE)) {}
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() {
    ::munmap(outside_, kBytes);
    ::munmap(inside_, kBytes);
  }

  /// An address outside.
  std::shared_ptr<void> allocate(size_t bytes) {
    const size_t size = std::bit_ceil(std::max<size_t>(bytes, 64));
    const std::scoped_lock lock(mutex_);
    std::vector<size_t>& free = free_[size];
    if (free.empty()) {
      if (size > kBytes - used_) throw std::bad_alloc();
      free.push_back(used_);
      used_ += size;
    }
    const size_t offset = free.back();
    free.pop_back();
    return {outside_ + offset, [self = shared_from_this(), size, offset](void*) {
              const std::scoped_lock release(self->mutex_);
              self->free_[size].push_back(offset);
            }};
  }
  void* inside(const void* outside) const {
    return inside_ + (static_cast<const std::byte*>(outside) - outside_);
  }

 private:
  static constexpr size_t kBytes = size_t{8} << 30;  // of addresses, not of memory

  static std::byte* reserve(int access) {
    void* const at =
        ::mmap(nullptr, kBytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(at);
  }

  std::byte* outside_;
  std::byte* inside_;
  std::mutex mutex_;
  std::map<size_t, std::vector<size_t>> free_;  // by size
  size_t used_ = 0;
};

class GuardedBackend final : public Backend {
 public:
  static constexpr Device kDevice = Device("guarded");

  /// `host` computes, on tensors of the host's memory.
  explicit GuardedBackend(std::unique_ptr<Backend> host) : host_(std::move(host)) {}

  std::string description() const override { return "guarded " + host_->description(); }
  int64_t few_rows() const override { return host_->few_rows(); }
  Device device() const override { return kDevice; }
  Tensor allocate(DType dtype, Shape shape) override {
    return keep(host_->allocate(dtype, std::move(shape)));
  }
  Tensor upload(const Tensor& host) override { return keep(host); }
  Tensor download(const Tensor& x) override {
    Tensor host = make_tensor(x.dtype(), x.shape());
    std::memcpy(host.raw(), see(x).raw(), x.size_bytes());
    return host;
  }
  Linear prepare(const Linear& layer, WeightForm form) override {
    const auto wherever = [&](const Tensor& x) { return x.device().is_host() ? x : see(x); };
    const Linear prepared = host_->prepare(
        {wherever(layer.weight), wherever(layer.bias), wherever(layer.scales)}, form);
    return {keep(prepared.weight), keep(prepared.bias), keep(prepared.scales)};
  }
  Tensor to_float(const Tensor& x) override { return keep(host_->to_float(see(x))); }
  Tensor scaled(const Tensor& x, double factor) override {
    return keep(host_->scaled(see(x), factor));
  }
  Tensor gather_rows(const Tensor& x, std::span<const int64_t> rows) override {
    return keep(host_->gather_rows(see(x), rows));
  }
  void copy_rows(Tensor& to, int64_t first_row, const Tensor& from) override {
    Tensor seen = see(to);
    host_->copy_rows(seen, first_row, see(from));
  }
  Tensor embedding(const Tensor& table, std::span<const int32_t> ids) override {
    return keep(host_->embedding(see(table), ids));
  }
  Tensor linear(const Tensor& x, const Linear& layer, Activation activation) override {
    return keep(host_->linear(see(x), see(layer), activation));
  }
  void linear_add(Tensor& y, const Tensor& x, const Linear& layer) override {
    Tensor seen = see(y);
    host_->linear_add(seen, see(x), see(layer));
  }
  void activate(Tensor& y, Activation activation) override {
    Tensor seen = see(y);
    host_->activate(seen, activation);
  }
  Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) override {
    return keep(host_->rms_norm(see(x), see(weight), eps));
  }
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    double eps) override {
    return keep(host_->layer_norm(see(x), see(weight), see(bias), eps));
  }
  Tensor swiglu(const Tensor& gate, const Tensor& up) override {
    return keep(host_->swiglu(see(gate), see(up)));
  }
  void add_repeated(Tensor& x, const Tensor& y) override {
    Tensor seen = see(x);
    host_->add_repeated(seen, see(y));
  }
  void note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) override {
    Tensor seen = see(flags);
    host_->note_finite_rows(see(x), seen, index);
  }
  Tensor patches(const Tensor& pixel_values, int64_t patch_size) override {
    return keep(host_->patches(see(pixel_values), patch_size));
  }
  Tensor rope_table(int64_t positions, int64_t d, double theta) override {
    return keep(host_->rope_table(positions, d, theta));
  }
  Tensor rotate(const Tensor& x, const Tensor& rope, std::span<const int32_t> positions) override {
    return keep(host_->rotate(see(x), see(rope), positions));
  }
  KeyValueBlock new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) override {
    return keep(host_->new_block(heads, capacity, d, dtype));
  }
  KeyValueBlock copy(const KeyValueBlock& block) override { return keep(see(block)); }
  void append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) override {
    KeyValueBlock seen = see(block);
    host_->append(seen, see(keys), see(values));
    block.count = seen.count;
  }
  KeyValueBlock split_keys_values(const Tensor& kv, int64_t heads, DType dtype) override {
    return keep(host_->split_keys_values(see(kv), heads, dtype));
  }
  KeyValueBlock to_host(const KeyValueBlock& block) override {
    KeyValueBlock here = block;
    for (Tensor* x : {&here.keys, &here.values, &here.key_scales, &here.value_scales}) {
      if (x->defined()) *x = download(*x);
    }
    return here;
  }
  KeyValueBlock from_host(const KeyValueBlock& block) override { return keep(block); }
  Tensor self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        int64_t tokens_per_image) override {
    return keep(host_->self_attention(see(q), see(k), see(v), tokens_per_image));
  }
  AttentionPart causal_attention(const Tensor& q, std::span<const TextRows> sequences) override {
    std::vector<std::vector<KeyValueBlock>> pages;
    std::vector<TextRows> seen;
    for (const TextRows& text : sequences) {
      std::vector<KeyValueBlock>& of_text = pages.emplace_back();
      for (const KeyValueBlock& page : text.pages) of_text.push_back(see(page));
      seen.push_back({text.rows, text.first_position, of_text});
    }
    return keep(host_->causal_attention(see(q), seen));
  }
  AttentionPart visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                 const Tensor& rope) override {
    std::vector<std::vector<VisibleImage>> images;
    std::vector<VisualRows> seen;
    for (const VisualRows& rows : sequences) {
      std::vector<VisibleImage>& of_rows = images.emplace_back();
      for (const VisibleImage& image : rows.images) {
        of_rows.push_back({see(image.block), image.position, image.first_query});
      }
      seen.push_back({rows.rows, rows.first_position, of_rows, rows.watched_rows});
    }
    return keep(host_->visual_attention(see(q), seen, see(rope)));
  }
  Tensor join_softmax(const AttentionPart& a, const AttentionPart& b) override {
    return keep(host_->join_softmax(see(a), see(b)));
  }
  Tensor mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                     const Tensor& gate) override {
    return keep(host_->mix_by_gate(see(text), see(visual), see(gate)));
  }
  ImageWeights image_weights(const AttentionPart& visual, size_t sequence, int64_t first_row,
                             const AttentionPart* text) override {
    const AttentionPart seen_text = text != nullptr ? see(*text) : AttentionPart();
    return host_->image_weights(see(visual), sequence, first_row,
                                text != nullptr ? &seen_text : nullptr);
  }
  std::vector<float> key_weights(const Tensor& q, std::span<const int32_t> distances,
                                 std::span<const float> log_sum_exps, const KeyValueBlock& image,
                                 const Tensor& rope) override {
    return host_->key_weights(see(q), distances, log_sum_exps, see(image), see(rope));
  }

 private:
  // A tensor of the device with the content of one in the host's memory.
  Tensor keep(const Tensor& host) {
    if (!host.defined()) return host;
    auto owner = memory_->allocate(host.size_bytes());
    std::memcpy(memory_->inside(owner.get()), host.raw(), host.size_bytes());
    void* const data = owner.get();
    return Tensor(host.dtype(), host.shape(), data, std::move(owner), kDevice);
  }
  KeyValueBlock keep(KeyValueBlock block) {
    for (Tensor* x : {&block.keys, &block.values, &block.key_scales, &block.value_scales}) {
      *x = keep(*x);
    }
    return block;
  }
  AttentionPart keep(const AttentionPart& part) {
    AttentionPart kept = {keep(part.out), keep(part.log_sum_exp)};
    for (const Tensor& x : part.by_image) kept.by_image.push_back(keep(x));
    return kept;
  }

  // What a tensor of the device holds, as a tensor that may be read.
  Tensor see(const Tensor& x) const {
    if (!x.defined()) return x;
    return Tensor(x.dtype(), x.shape(), memory_->inside(x.on(kDevice)), nullptr);
  }
  Linear see(const Linear& layer) const {
    return {see(layer.weight), see(layer.bias), see(layer.scales)};
  }
  KeyValueBlock see(KeyValueBlock block) const {
    for (Tensor* x : {&block.keys, &block.values, &block.key_scales, &block.value_scales}) {
      *x = see(*x);
    }
    return block;
  }
  AttentionPart see(const AttentionPart& part) const {
    AttentionPart seen = {see(part.out), see(part.log_sum_exp)};
    for (const Tensor& x : part.by_image) seen.by_image.push_back(see(x));
    return seen;
  }

  std::unique_ptr<Backend> host_;
  std::shared_ptr<GuardedMemory> memory_ = std::make_shared<GuardedMemory>();
};

}  // namespace owl3
