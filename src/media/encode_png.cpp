#include "media/encode_png.h"

#include <png.h>

#include "core/error.h"

namespace owl3 {

namespace {

void append(png_structp png, png_bytep bytes, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(bytes), size);
}

void flush(png_structp) {}

/// libpng reports an error by a jump back to here; nothing with a destructor lives in between.
bool write_image(png_structp png, png_infop info, const Image& image, int level) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_compression_level(png, level);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < image.height; ++y) {
    png_write_row(png, image.rgb.data() + static_cast<size_t>(y) * image.width * 3);
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

std::string encode_png(const Image& image, int level) {
  OWL3_CHECK(image.width > 0 && image.height > 0);
  OWL3_CHECK(image.rgb.size() == static_cast<size_t>(image.width) * image.height * 3);
  png_structp png =
      allocated(png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr));
  png_infop info = png_create_info_struct(png);
  std::string bytes;
  png_set_write_fn(png, &bytes, append, flush);
  const bool written = info != nullptr && write_image(png, info, image, level);
  png_destroy_write_struct(&png, &info);
  OWL3_CHECK(written);
  return bytes;
}

}  // namespace owl3
