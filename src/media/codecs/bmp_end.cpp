#include "media/codecs/bmp_end.h"

#include <cstdlib>
#include <optional>

#include "core/error.h"

namespace owl3 {
namespace {

struct BmpHeader {
  int64_t data_offset = 0;
  int64_t width = 0;
  int64_t height = 0;
  int64_t bits = 0;
  int64_t compression = 0;
};

constexpr int kRle8 = 1;
constexpr int kRle4 = 2;

bool is_rle(const BmpHeader& header) {
  return header.compression == kRle8 || header.compression == kRle4;
}

bool is_plain(const BmpHeader& header) {
  constexpr int kBitFields = 3;
  constexpr int kAlphaBitFields = 6;
  return header.compression == 0 || header.compression == kBitFields ||
         header.compression == kAlphaBitFields;
}

std::optional<BmpHeader> read_header(Bytes bytes) {
  const auto number = [&](size_t offset, size_t size) {
    int64_t value = 0;
    for (size_t i = size; i > 0; --i) {
      value = value << 8 | std::to_integer<int64_t>(bytes[offset + i - 1]);
    }
    return value;
  };
  constexpr size_t kOldHeaderEnd = 26;
  constexpr size_t kHeaderEnd = 54;
  constexpr int64_t kFileHeaderBytes = 14;
  constexpr int kOldHeaderBytes = 12;
  if (bytes.size() < kOldHeaderEnd) return std::nullopt;
  BmpHeader header;
  header.data_offset = number(10, 4);
  const int64_t header_bytes = number(14, 4);
  if (header_bytes == kOldHeaderBytes) {
    header.width = number(18, 2);
    header.height = number(20, 2);
    header.bits = number(24, 2);
  } else if (bytes.size() >= kHeaderEnd) {
    header.width = static_cast<int32_t>(number(18, 4));
    header.height = std::abs(int64_t{static_cast<int32_t>(number(22, 4))});
    header.bits = number(28, 2);
    header.compression = number(30, 4);
  }
  const bool makes_sense = header.width > 0 && header.height > 0 && header.bits > 0 &&
                           header.bits <= 64 &&
                           header.data_offset >= kFileHeaderBytes + header_bytes;
  return makes_sense ? std::optional(header) : std::nullopt;
}

[[noreturn]] void throw_cut(const std::string& name) {
  throw InputError(fmt::format("{}: broken BMP: it breaks off before its pixels end", name));
}

BmpEnd find_plain_end(const BmpHeader& header, int64_t size, const std::string& name) {
  const int64_t row_bits = header.width * header.bits;
  const int64_t stride = (row_bits + 31) / 32 * 4;
  const int64_t end = header.data_offset + stride * header.height;
  const int64_t end_of_pixels = end - stride + (row_bits + 7) / 8;
  if (size < end_of_pixels) throw_cut(name);
  if (size >= end) return {};
  return {.missing_padding = static_cast<size_t>(end - size), .lacks_end = true};
}

/// Pairs of bytes: a count and a pixel, or 0 and what to do.
BmpEnd find_rle_end(const BmpHeader& header, Bytes bytes, const std::string& name) {
  const auto size = static_cast<int64_t>(bytes.size());
  const auto at = [&](int64_t i) {
    return std::to_integer<int64_t>(bytes[static_cast<size_t>(i)]);
  };
  int64_t x = 0;
  int64_t y = 0;
  for (int64_t position = header.data_offset; position + 2 <= size;) {
    const int64_t count = at(position);
    const int64_t code = at(position + 1);
    position += 2;
    if (count > 0) {
      x += count;
    } else if (code == 0) {
      x = 0;
      ++y;
    } else if (code == 1) {
      return {};
    } else if (code == 2) {
      if (position + 2 > size) break;
      x += at(position);
      y += at(position + 1);
      position += 2;
    } else {
      const int64_t data = header.compression == kRle8 ? code : (code + 1) / 2;
      if (position + data > size) break;
      x += code;
      position += (data + 1) / 2 * 2;
    }
  }
  const bool has_all = y >= header.height || (y == header.height - 1 && x >= header.width);
  if (!has_all) throw_cut(name);
  return {.lacks_end = true};
}

}  // namespace

BmpEnd find_bmp_end(Bytes bytes, const std::string& name) {
  const std::optional<BmpHeader> header = read_header(bytes);
  if (!header) return {};
  if (is_rle(*header)) return find_rle_end(*header, bytes, name);
  return is_plain(*header) ? find_plain_end(*header, static_cast<int64_t>(bytes.size()), name)
                           : BmpEnd{};
}

}  // namespace owl3
