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

void write_rows(const at::Tensor& stored, const at::Tensor& scales, int64_t first,
                const at::Tensor& rows) {
  const at::Tensor to = stored.narrow(1, first, rows.size(1));
  if (!scales.defined()) {
    to.copy_(rows);
    return;
  }
  const auto [rounded, of_rows] = rounded_rows(rows);
  to.copy_(rounded);
  scales.narrow(1, first, rows.size(1)).copy_(of_rows);
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

KeyValueBlock TorchBackend::new_block(int64_t heads, int64_t capacity, int64_t d, DType dtype) {
  OWL3_CHECK(dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kI8);
  return run([&] {
    KeyValueBlock block;
    block.heads = heads;
    block.capacity = capacity;
    // As the host's: a block that comes from there lies as one that was made here.
    if (dtype != DType::kF32) block.capacity = capacity = cpu::padded_keys(capacity);
    // Scales first, whose places must be multiples of four bytes.
    const int64_t scale_bytes =
        dtype == DType::kI8 ? heads * capacity * static_cast<int64_t>(sizeof(float)) : 0;
    const auto bytes = static_cast<int64_t>(bytes_of(dtype, heads * capacity * d));
    const at::Tensor memory = slots_->take(2 * (scale_bytes + bytes));
    const auto part = [&](int64_t first, int64_t size, at::ScalarType type) {
      return memory.narrow(0, first, size).view(type);
    };
    const auto numbers = [&](int64_t first) {
      return keep(part(first, bytes, torch_type(dtype)).view({heads, capacity, d}));
    };
    block.keys = numbers(2 * scale_bytes);
    block.values = numbers(2 * scale_bytes + bytes);
    if (scale_bytes > 0) {
      block.key_scales = keep(part(0, scale_bytes, at::kFloat).view({heads, capacity}));
      block.value_scales = keep(part(scale_bytes, scale_bytes, at::kFloat).view({heads, capacity}));
    }
    return block;
  });
}

KeyValueBlock TorchBackend::copy(const KeyValueBlock& block) {
  KeyValueBlock own = new_block(block.heads, block.capacity, block.keys.dim(2), block.keys.dtype());
  own.count = block.count;
  return run([&] {
    for (const auto part : kParts) {
      if ((block.*part).defined()) see(own.*part).copy_(see(block.*part));
    }
    return own;
  });
}

void TorchBackend::append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) {
  const int64_t tokens = keys.dim(0);
  OWL3_CHECK(block.count + tokens <= block.capacity && keys.dim(1) == block.heads);
  run([&] {
    const auto scales = [&](const Tensor& x) { return x.defined() ? see(x) : at::Tensor(); };
    write_rows(see(block.keys), scales(block.key_scales), block.count, see(keys).transpose(0, 1));
    write_rows(see(block.values), scales(block.value_scales), block.count,
               see(values).transpose(0, 1));
  });
  block.count += tokens;
}

KeyValueBlock TorchBackend::split_keys_values(const Tensor& kv, int64_t key_value_heads,
                                              DType dtype) {
  const int64_t tokens = kv.dim(0);
  const int64_t d = kv.row_size() / (2 * key_value_heads);
  KeyValueBlock block = new_block(key_value_heads, tokens, d, dtype);
  run([&] {
    // [2, Hkv, L, d]
    const at::Tensor by_head =
        bridge_.see(kv, {tokens, key_value_heads, 2, d}).permute({2, 1, 0, 3});
    const auto scales = [&](const Tensor& x) { return x.defined() ? see(x) : at::Tensor(); };
    write_rows(see(block.keys), scales(block.key_scales), 0, by_head.select(0, 0));
    write_rows(see(block.values), scales(block.value_scales), 0, by_head.select(0, 1));
  });
  block.count = tokens;
  return block;
}

KeyValueBlock TorchBackend::to_host(const KeyValueBlock& block) {
  KeyValueBlock here = block;
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
  KeyValueBlock there = new_block(plain.heads, plain.capacity, d, dtype);
  there.count = plain.count;
  run([&] {
    for (const auto part : kParts) {
      if ((plain.*part).defined()) see(there.*part).copy_(bridge_.to_device(plain.*part));
    }
  });
  return there;
}

}  // namespace owl3
