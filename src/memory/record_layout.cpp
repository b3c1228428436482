#include "memory/record_layout.h"

#include <bit>
#include <cstring>

namespace owl3 {

namespace {

static_assert(std::endian::native == std::endian::little, "records are used as they lie");

constexpr uint64_t kAlignment = 64;  // as make_tensor()

uint64_t aligned(uint64_t bytes, uint64_t to) {
  return (bytes + to - 1) / to * to;
}

constexpr Tensor KeyValueBlock::*kParts[] = {&KeyValueBlock::keys, &KeyValueBlock::values,
                                             &KeyValueBlock::key_scales,
                                             &KeyValueBlock::value_scales};

/// The arrangement of numbers within keys and values, as backend/cpu/key_value_layout.h has it.
/// Another one has another name here.
constexpr const char* kArrangement = "owl3-cpu-1";

}  // namespace

RecordLayout::RecordLayout(Backend& backend, int64_t key_value_heads, int64_t tokens,
                           int64_t head_size, DType dtype, size_t hyper_layers)
    : RecordLayout(
          &backend,
          [&] {
            KeyValueBlock block = backend.new_block(key_value_heads, tokens, head_size, dtype);
            block.count = tokens;
            return backend.to_host(block);
          }(),
          hyper_layers) {}

RecordLayout RecordLayout::of(const ImageMemory& memory) {
  return {nullptr, memory.layers.at(0), memory.layers.size()};
}

RecordLayout::RecordLayout(Backend* backend, KeyValueBlock block, size_t hyper_layers)
    : backend_(backend), block_(std::move(block)), hyper_layers_(hyper_layers) {
  description_ =
      fmt::format("{}: {} layers of {} keys in", kArrangement, hyper_layers, block_.count);
  for (const auto part : kParts) {
    const Tensor& tensor = block_.*part;
    if (!tensor.defined()) continue;
    block_bytes_ += aligned(tensor.size_bytes(), kAlignment);
    description_ += fmt::format(" {} {}", name_of(tensor.dtype()), to_string(tensor.shape()));
  }
  record_bytes_ = aligned(block_bytes_ * hyper_layers, kPageBytes);
}

std::vector<std::byte> RecordLayout::write(const ImageMemory& memory) const {
  OWL3_CHECK(memory.layers.size() == hyper_layers_);
  std::vector<std::byte> record(record_bytes_);
  std::byte* to = record.data();
  for (const KeyValueBlock& layer : memory.layers) {
    const KeyValueBlock block = backend_ != nullptr ? backend_->to_host(layer) : layer;
    OWL3_CHECK(block.count == block_.count && block.capacity == block_.capacity);
    for (const auto part : kParts) {
      const Tensor& tensor = block.*part;
      if (!tensor.defined()) continue;
      OWL3_CHECK(tensor.shape() == (block_.*part).shape());
      std::memcpy(to, tensor.raw(), tensor.size_bytes());
      to += aligned(tensor.size_bytes(), kAlignment);
    }
  }
  return record;
}

ImageMemoryPtr RecordLayout::read(std::span<const std::byte> record,
                                  std::shared_ptr<const void> owner) const {
  OWL3_CHECK(record.size() == record_bytes_);
  // Attention reads an image's keys and values, and writes to none.
  auto* from = const_cast<std::byte*>(record.data());
  auto memory = std::make_shared<ImageMemory>();
  memory->layers.assign(hyper_layers_, block_);
  for (KeyValueBlock& block : memory->layers) {
    for (const auto part : kParts) {
      Tensor& tensor = block.*part;
      if (!tensor.defined()) continue;
      const size_t bytes = tensor.size_bytes();
      tensor = Tensor(tensor.dtype(), tensor.shape(), from, owner);
      from += aligned(bytes, kAlignment);
    }
    if (backend_ != nullptr) block = backend_->from_host(block);
  }
  return memory;
}

}  // namespace owl3
