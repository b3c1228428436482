// PNG through libpng: every colour type and depth, interlaced or not. 16-bit samples keep their
// high byte; alpha and transparent colours are dropped.
#include <png.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "media/decode_formats.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

/// libpng reports errors by a call that must not return, so each step below runs under its own
/// setjmp in a function that holds only plain data.
class PngReader {
 public:
  explicit PngReader(Bytes bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &PngReader::fail,
                                  [](png_structp, png_const_charp) {});
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
    png_set_read_fn(png_, this, &PngReader::read);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// Reads up to the pixels and asks for 8-bit RGB rows.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, info_);
    const int colour = png_get_color_type(png_, info_);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (png_get_bit_depth(png_, info_) < 8) png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    if ((colour & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_rows(png_bytep* rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows);
    return true;
  }

  size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  int64_t width() const { return png_get_image_width(png_, info_); }
  int64_t height() const { return png_get_image_height(png_, info_); }
  const char* message() const { return message_; }

 private:
  static void fail(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof self->message_ - 1);
    png_longjmp(png, 1);
  }

  static void read(png_structp png, png_bytep out, size_t size) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (self->rest_.size() < size) png_error(png, "the file breaks off");
    std::memcpy(out, self->rest_.data(), size);
    self->rest_ = self->rest_.subspan(size);
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  Bytes rest_;
  char message_[128] = {};
};

/// The orientation in the eXIf chunk, which stands before the pixels or behind them. A chunk: the
/// size of its data, its type, the data, a checksum.
int orientation_of(Bytes png) {
  constexpr size_t kSignatureBytes = 8;
  constexpr size_t kHeadBytes = 8;
  constexpr size_t kChecksumBytes = 4;
  Bytes rest = png.subspan(kSignatureBytes);
  while (rest.size() >= kHeadBytes + kChecksumBytes) {
    const size_t size = png_get_uint_32(reinterpret_cast<png_const_bytep>(rest.data()));
    if (size > rest.size() - kHeadBytes - kChecksumBytes) break;
    if (std::memcmp(rest.data() + 4, "eXIf", 4) == 0) {
      return read_exif_orientation(rest.subspan(kHeadBytes, size));
    }
    rest = rest.subspan(kHeadBytes + size + kChecksumBytes);
  }
  return 1;
}

[[noreturn]] void throw_broken(const std::string& name, const PngReader& reader) {
  throw InputError(fmt::format("{}: broken PNG: {}", name, reader.message()));
}

}  // namespace

StoredSize read_png_size(Bytes bytes, const std::string& name) {
  PngReader reader(bytes);
  if (!reader.read_header()) throw_broken(name, reader);
  return {reader.width(), reader.height(), orientation_of(bytes)};
}

StoredImage decode_png(Bytes bytes, const std::string& name, int64_t max_pixels) {
  PngReader reader(bytes);
  if (!reader.read_header()) throw_broken(name, reader);
  StoredImage stored;
  stored.image = make_image(reader.width(), reader.height(), name, max_pixels);
  const size_t row_bytes = static_cast<size_t>(stored.image.width) * 3;
  OWL3_CHECK(reader.row_bytes() == row_bytes);

  std::vector<png_bytep> rows(static_cast<size_t>(stored.image.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = stored.image.rgb.data() + y * row_bytes;
  if (!reader.read_rows(rows.data())) throw_broken(name, reader);
  stored.orientation = orientation_of(bytes);
  return stored;
}

}  // namespace owl3
