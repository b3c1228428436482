// Blocks of keys and values: made, filled, and brought to the host's arrangement and back.
#include <cmath>
#include <cstring>

#include "backend/cpu/host_block.h"
#include "backend/cpu/key_value_layout.h"
#include "backend/torch/torch_backend.h"

namespace owl3 {

namespace {

/// Rows [Hkv, T, d] to int8 with one scale each, [Hkv, T], which is NaN where a row holds NaN or an
/// infinity.
std::pair<at::Tensor, at::Tensor> rounded_rows(const at::Tensor& rows) {
  const at::Tensor largest = rows.abs().amax(-1);
  const at::Tensor scales = largest / 127 + (rows * 0).sum(-1);
  const at::Tensor inverse = at::where(largest > 0, largest.reciprocal() * 127, largest);
  const at::Tensor rounded = (rows * inverse.unsqueeze(-1)).round().nan_to_num_(0, 0, 0);
  return {rounded.clamp_(-127, 127).to(at::kChar), scales};
}

/// Where rows of a block are written: from the first on or, if `numbers` is defined, where it says.
struct Places {
  int64_t first = 0;
  at::Tensor numbers{};
};

void write(const at::Tensor& stored, const Places& places, const at::Tensor& rows) {
  if (places.numbers.defined()) {
    stored.index_copy_(1, places.numbers, rows.to(stored.scalar_type()));
  } else {
    stored.narrow(1, places.first, rows.size(1)).copy_(rows);
  }
}

void write_rows(const at::Tensor& stored, const at::Tensor& scales, const Places& places,
                const at::Tensor& rows) {
  if (!scales.defined()) return write(stored, places, rows);
  const auto [rounded, of_rows] = rounded_rows(rows);
  write(stored, places, rounded);
  write(scales, places, of_rows);
}

/// Where numbers of a head lie in the host's block: keys or values of any type but float32.
using PackedIndex = int64_t (*)(int64_t position, int64_t channel, int64_t d);

/// Calls body(plain, packed) with the two places of every number of `count` positions.
template <typename Body>
void for_numbers(const KeyValueBlock& plain, const Tensor& packed, PackedIndex index,
                 const Body& body) {
  const int64_t d = plain.keys.dim(2);
  for (int64_t head = 0; head < plain.heads; ++head) {
    for (int64_t j = 0; j < plain.count; ++j) {
      for (int64_t i = 0; i < d; ++i) {
        body((head * plain.capacity + j) * d + i, head * packed.row_size() + index(j, i, d));
      }
    }
  }
}

template <typename Number>
void pack(const KeyValueBlock& plain, const Tensor& from, Tensor& to, PackedIndex index) {
  for_numbers(plain, to, index, [&](int64_t at_plain, int64_t at_packed) {
    to.data<Number>()[at_packed] = from.data<Number>()[at_plain];
  });
}

template <typename Number>
void unpack(const KeyValueBlock& plain, const Tensor& from, Tensor& to, PackedIndex index) {
  for_numbers(plain, from, index, [&](int64_t at_plain, int64_t at_packed) {
    to.data<Number>()[at_plain] = from.data<Number>()[at_packed];
  });
}

/// Copies the scales of `count` positions between blocks of different capacity.
void copy_scales(const Tensor& from, Tensor& to, int64_t count) {
  for (int64_t head = 0; head < from.dim(0); ++head) {
    std::memcpy(to.f32() + head * to.dim(1), from.f32() + head * from.dim(1),
                static_cast<size_t>(count) * sizeof(float));
  }
}

KeyValueBlock plain_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) {
  KeyValueBlock block;
  block.heads = heads;
  block.capacity = capacity;
  block.keys = make_tensor(dtype, {heads, capacity, d});
  block.values = make_tensor(dtype, {heads, capacity, d});
  if (dtype == DType::kI8) {
    block.key_scales = make_tensor(DType::kF32, {heads, capacity});
    block.value_scales = make_tensor(DType::kF32, {heads, capacity});
  }
  return block;
}

constexpr Tensor KeyValueBlock::*kParts[] = {&KeyValueBlock::keys, &KeyValueBlock::values,
                                             &KeyValueBlock::key_scales,
                                             &KeyValueBlock::value_scales};

}  // namespace

int64_t TorchBackend::BlockLayout::bytes() const {
  return 2 * (scale_bytes + number_bytes);
}

/// As the host's in capacity: a block that comes from there lies as one that was made here.
TorchBackend::BlockLayout TorchBackend::layout_of(int64_t heads, int64_t capacity, int64_t d,
                                                  DType dtype) {
  OWL3_CHECK(dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kI8);
  if (dtype != DType::kF32) capacity = cpu::padded_keys(capacity);
  const int64_t scales = dtype == DType::kI8 ? heads * capacity : 0;
  return {heads,
          capacity,
          d,
          dtype,
          scales * static_cast<int64_t>(sizeof(float)),
          static_cast<int64_t>(bytes_of(dtype, heads * capacity * d))};
}

/// Keys or values, or their scales, of blocks: bytes [..., of a block] -> [..., Hkv, capacity, d]
/// or
/// [..., Hkv, capacity]. Scales lie first, whose places must be multiples of four bytes.
at::Tensor TorchBackend::part_of_blocks(const at::Tensor& bytes, const BlockLayout& layout,
                                        bool values, bool scales) {
  const int64_t size = scales ? layout.scale_bytes : layout.number_bytes;
  const int64_t first = (scales ? 0 : 2 * layout.scale_bytes) + (values ? size : 0);
  const at::Tensor part = bytes.narrow(-1, first, size);
  std::vector<int64_t> shape(bytes.sizes().begin(), bytes.sizes().end() - 1);
  shape.insert(shape.end(), {layout.heads, layout.capacity});
  if (scales) return part.view(at::kFloat).view(shape);
  shape.push_back(layout.size);
  return part.view(torch_type(layout.dtype)).view(shape);
}

KeyValueBlock TorchBackend::block_in(const at::Tensor& memory, const BlockLayout& layout,
                                     Device where) const {
  const auto part = [&](bool values, bool scales) {
    return bridge_.keep(part_of_blocks(memory, layout, values, scales), where);
  };
  KeyValueBlock block;
  block.heads = layout.heads;
  block.capacity = layout.capacity;
  block.keys = part(false, false);
  block.values = part(true, false);
  if (layout.scale_bytes > 0) {
    block.key_scales = part(false, true);
    block.value_scales = part(true, true);
  }
  return block;
}

KeyValueBlock TorchBackend::new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) {
  const BlockLayout layout = layout_of(heads, capacity, d, dtype);
  return run([&] { return block_in(slots_->take(layout.bytes()), layout, device()); });
}

template <typename Fill>
KeyValueBlock TorchBackend::new_image(const BlockLayout& layout, int64_t count, const Fill& fill) {
  return run([&] {
    const TorchImageMemory::Place place = images_->take(layout.bytes());
    const at::Tensor there = place.beside_device
                                 ? at::zeros({place.memory.size(0)}, bridge_.options(at::kByte))
                                 : place.memory;
    KeyValueBlock block = block_in(there, layout, device());
    fill(block);
    if (place.beside_device) {
      place.memory.copy_(there, /*non_blocking=*/bridge_.torch_device().is_cuda());
      block = block_in(place.memory, layout, TorchBridge::kBesideDevice);
    }
    block.count = count;
    return block;
  });
}

at::Tensor TorchBackend::bytes_of_image(const KeyValueBlock& image) const {
  const int64_t d = image.keys.dim(2);
  const int64_t size = TorchSlots::rounded_size(
      layout_of(image.heads, image.capacity, d, image.keys.dtype()).bytes());
  const Tensor& first = image.key_scales.defined() ? image.key_scales : image.keys;
  const at::Tensor seen = see(first);
  return at::for_blob(seen.data_ptr(), {size})
      .options(seen.options().dtype(at::kByte))
      .target_device(seen.device())
      .deleter([first](void*) {})
      .make_tensor();
}

KeyValueBlock TorchBackend::copy(const KeyValueBlock& block) {
  const BlockLayout layout =
      layout_of(block.heads, block.capacity, block.keys.dim(2), block.keys.dtype());
  const auto copy_parts = [&](const KeyValueBlock& own) {
    for (const auto part : kParts) {
      if ((block.*part).defined()) see(own.*part).copy_(see(block.*part));
    }
  };
  if (is_image(block)) return new_image(layout, block.count, copy_parts);
  KeyValueBlock own = new_block(block.heads, block.capacity, layout.size, layout.dtype);
  own.count = block.count;
  run([&] { copy_parts(own); });
  return own;
}

bool TorchBackend::is_image(const KeyValueBlock& block) const {
  return block.keys.device() == TorchBridge::kBesideDevice ||
         images_->holds((block.key_scales.defined() ? block.key_scales : block.keys).on(device()));
}

void TorchBackend::append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) {
  const int64_t tokens = keys.dim(0);
  OWL3_CHECK(block.count + tokens <= block.capacity && keys.dim(1) == block.heads);
  StepOperation write = {"append", {&block.keys, &block.values, &keys, &values}};
  for (int64_t t = 0; t < tokens; ++t) write.numbers.push_back(block.count + t);
  operation(write, [&](const at::Tensor& numbers) {
    const Places places = {block.count, numbers};
    const auto scales = [&](const Tensor& x) { return x.defined() ? see(x) : at::Tensor(); };
    write_rows(see(block.keys), scales(block.key_scales), places, see(keys).transpose(0, 1));
    write_rows(see(block.values), scales(block.value_scales), places, see(values).transpose(0, 1));
  });
  block.count += tokens;
}

KeyValueBlock TorchBackend::split_keys_values(const Tensor& kv, int64_t key_value_heads,
                                              DType dtype) {
  const int64_t tokens = kv.dim(0);
  const int64_t d = kv.row_size() / (2 * key_value_heads);
  return new_image(layout_of(key_value_heads, tokens, d, dtype), tokens, [&](KeyValueBlock& block) {
    // [2, Hkv, L, d]
    const at::Tensor by_head =
        bridge_.see(kv, {tokens, key_value_heads, 2, d}).permute({2, 1, 0, 3});
    const auto scales = [&](const Tensor& x) { return x.defined() ? see(x) : at::Tensor(); };
    write_rows(see(block.keys), scales(block.key_scales), {}, by_head.select(0, 0));
    write_rows(see(block.values), scales(block.value_scales), {}, by_head.select(0, 1));
  });
}

KeyValueBlock TorchBackend::to_host(const KeyValueBlock& block) {
  KeyValueBlock here = block;
  // What lies beside the device may still be on its way from there.
  if (block.keys.device() == TorchBridge::kBesideDevice) run([&] { bridge_.wait(); });
  for (const auto part : kParts) {
    if ((here.*part).defined()) here.*part = download(here.*part);
  }
  const DType dtype = block.keys.dtype();
  KeyValueBlock packed = cpu::new_host_block(block.heads, block.capacity, block.keys.dim(2), dtype);
  packed.count = block.count;
  if (dtype == DType::kF32) {
    packed.keys = here.keys;
    packed.values = here.values;
  } else if (dtype == DType::kBF16) {
    pack<uint16_t>(here, here.keys, packed.keys, cpu::packed_key_index);
    pack<uint16_t>(here, here.values, packed.values, cpu::packed_value_index);
  } else {
    pack<int8_t>(here, here.keys, packed.keys, cpu::packed_key_index);
    pack<int8_t>(here, here.values, packed.values, cpu::packed_value_index);
    copy_scales(here.key_scales, packed.key_scales, block.count);
    copy_scales(here.value_scales, packed.value_scales, block.count);
  }
  return packed;
}

KeyValueBlock TorchBackend::from_host(const KeyValueBlock& block) {
  const DType dtype = block.keys.dtype();
  const int64_t d = cpu::head_size_of(block);
  KeyValueBlock plain = plain_block(block.heads, block.capacity, d, dtype);
  plain.count = block.count;
  if (dtype == DType::kF32) {
    plain.keys = block.keys;
    plain.values = block.values;
  } else if (dtype == DType::kBF16) {
    unpack<uint16_t>(plain, block.keys, plain.keys, cpu::packed_key_index);
    unpack<uint16_t>(plain, block.values, plain.values, cpu::packed_value_index);
  } else {
    unpack<int8_t>(plain, block.keys, plain.keys, cpu::packed_key_index);
    unpack<int8_t>(plain, block.values, plain.values, cpu::packed_value_index);
    copy_scales(block.key_scales, plain.key_scales, block.count);
    copy_scales(block.value_scales, plain.value_scales, block.count);
  }
  // Into a block that lies as those that are made on the device.
  return new_image(layout_of(plain.heads, plain.capacity, d, dtype), plain.count,
                   [&](KeyValueBlock& there) {
                     for (const auto part : kParts) {
                       if (!(plain.*part).defined()) continue;
                       see(there.*part).copy_(bridge_.to_device(plain.*part));
                     }
                   });
}

}  // namespace owl3
