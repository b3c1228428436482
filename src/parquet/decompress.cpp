#include "parquet/decompress.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/error.h"

namespace owl3::parquet {

namespace {

constexpr const char* kNames[] = {"uncompressed", "Snappy", "gzip",      "LZO",
                                  "Brotli",       "LZ4",    "Zstandard", "LZ4_RAW"};

[[noreturn]] void fail(Codec codec) {
  throw InputError(fmt::format("is damaged: a page that {} cannot decompress",
                               kNames[static_cast<size_t>(codec)]));
}

/// Room for what comes out, which grows with it: a page may claim any size.
class Output {
 public:
  Output(size_t size, size_t compressed) : size_(size) {
    constexpr size_t kUsualRatio = 16;
    bytes_.resize(std::min(size, compressed * kUsualRatio + 4096));
  }

  /// Where the next bytes go; at least one, unless all are there.
  std::span<std::byte> room() {
    if (filled_ == bytes_.size()) bytes_.resize(std::min(size_, bytes_.size() * 2));
    return std::span(bytes_).subspan(filled_);
  }
  void add(size_t count) { filled_ += count; }
  bool is_full() const { return filled_ == size_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  size_t size_, filled_ = 0;
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> from_snappy(std::span<const std::byte> compressed, size_t size) {
  // Three bytes of Snappy are 64 at most.
  constexpr size_t kHighestRatio = 32;
  const auto* const data = reinterpret_cast<const char*>(compressed.data());
  size_t found = 0;
  if (!snappy::GetUncompressedLength(data, compressed.size(), &found) || found != size ||
      size / kHighestRatio > compressed.size()) {
    fail(Codec::kSnappy);
  }
  std::vector<std::byte> bytes(size);
  if (!snappy::RawUncompress(data, compressed.size(), reinterpret_cast<char*>(bytes.data()))) {
    fail(Codec::kSnappy);
  }
  return bytes;
}

/// zlib's and gzip's streams, one after the other.
std::vector<std::byte> from_gzip(std::span<const std::byte> compressed, size_t size) {
  constexpr int kWindowAndEitherHeader = 15 + 32;
  z_stream stream{};
  if (inflateInit2(&stream, kWindowAndEitherHeader) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());  // a page is smaller than 4 GiB
  Output output(size, compressed.size());
  Bytef behind_all = 0;  // whatever more comes out is wrong
  while (true) {
    const auto room = output.room();
    stream.next_out = room.empty() ? &behind_all : reinterpret_cast<Bytef*>(room.data());
    const auto before = stream.avail_out = room.empty() ? 1U : static_cast<uInt>(room.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    const size_t made = before - stream.avail_out;
    if (room.empty() && made > 0) fail(Codec::kGzip);
    output.add(made);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) fail(Codec::kGzip);
    } else if (state != Z_OK) {
      fail(Codec::kGzip);
    }
  }
  if (!output.is_full()) fail(Codec::kGzip);
  return output.take();
}

std::vector<std::byte> from_zstd(std::span<const std::byte> compressed, size_t size) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(
      allocated(ZSTD_createDStream()), ZSTD_freeDStream);
  Output output(size, compressed.size());
  ZSTD_inBuffer in = {compressed.data(), compressed.size(), 0};
  size_t wanted = 1;  // 0: a frame has ended
  while (wanted != 0 || in.pos < in.size) {
    const auto room = output.room();
    ZSTD_outBuffer out = {room.data(), room.size(), 0};
    const size_t read_before = in.pos;
    wanted = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(wanted) || (out.pos == 0 && in.pos == read_before)) fail(Codec::kZstd);
    output.add(out.pos);
  }
  if (!output.is_full()) fail(Codec::kZstd);
  return output.take();
}

}  // namespace

void check_codec(int32_t codec) {
  const auto known = static_cast<Codec>(codec);
  if (known == Codec::kUncompressed || known == Codec::kSnappy || known == Codec::kGzip ||
      known == Codec::kZstd) {
    return;
  }
  const bool has_name = codec >= 0 && static_cast<size_t>(codec) < std::size(kNames);
  throw InputError(
      fmt::format("is compressed with {}, which is not read (Snappy, gzip and "
                  "Zstandard are)",
                  has_name ? kNames[codec] : fmt::format("codec {}", codec)));
}

std::vector<std::byte> decompress(Codec codec, std::span<const std::byte> compressed, size_t size) {
  switch (codec) {
    case Codec::kUncompressed:
      if (compressed.size() != size) fail(codec);
      return {compressed.begin(), compressed.end()};
    case Codec::kSnappy:
      return from_snappy(compressed, size);
    case Codec::kGzip:
      return from_gzip(compressed, size);
    case Codec::kZstd:
      return from_zstd(compressed, size);
    default:
      check_codec(static_cast<int32_t>(codec));
  }
  throw_internal_error("a codec without decompressor", __FILE__, __LINE__);
}

}  // namespace owl3::parquet
