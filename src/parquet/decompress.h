// The codecs that pages are compressed with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace owl3::parquet {

/// By Parquet's numbers.
enum class Codec : int32_t {
  kUncompressed = 0,
  kSnappy = 1,
  kGzip = 2,
  kLzo = 3,
  kBrotli = 4,
  kLz4 = 5,
  kZstd = 6,
  kLz4Raw = 7
};

/// Throws InputError that names it, for one that is not read.
void check_codec(int32_t codec);

/// What was compressed, which must be exactly `size` bytes. No more is allocated than comes out.
/// Throws InputError when it is damaged or of another size.
std::vector<std::byte> decompress(Codec codec, std::span<const std::byte> compressed, size_t size);

}  // namespace owl3::parquet
