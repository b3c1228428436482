// PNG files of every kind, written by libpng.
#pragma once

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/image.h"

namespace owl3::test {

struct PngKind {
  bool interlaced = false;
  int bits = 8;                     // or 16: the bytes twice
  std::vector<uint8_t> alpha = {};  // [height, width]
};

inline std::vector<std::byte> make_png(const Image& image, const PngKind& kind) {
  std::vector<std::byte> file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto write = [](png_structp writer, png_bytep data, size_t size) {
    auto* out = static_cast<std::vector<std::byte>*>(png_get_io_ptr(writer));
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    out->insert(out->end(), bytes, bytes + size);
  };
  png_set_write_fn(png, &file, write, [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), kind.bits,
               kind.alpha.empty() ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  std::vector<std::vector<png_byte>> rows(static_cast<size_t>(image.height));
  std::vector<png_bytep> pointers;
  for (size_t y = 0; y < rows.size(); ++y) {
    for (size_t x = 0; x < static_cast<size_t>(image.width); ++x) {
      const size_t pixel = y * static_cast<size_t>(image.width) + x;
      const auto put = [&](uint8_t value) {
        rows[y].insert(rows[y].end(), static_cast<size_t>(kind.bits / 8), value);
      };
      for (size_t c = 0; c < 3; ++c) put(image.rgb[3 * pixel + c]);
      if (!kind.alpha.empty()) put(kind.alpha[pixel]);
    }
    pointers.push_back(rows[y].data());
  }
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

}  // namespace owl3::test
