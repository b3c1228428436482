// PNG through libpng: every colour type and depth, interlaced or not. 16-bit samples keep their
// high byte.
#include <png.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>

#include "core/error.h"
#include "media/alpha.h"
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
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // ours are checked, and told
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// Reads up to the pixels.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, info_);
    has_alpha_ = (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
                 png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    is_deep_ = png_get_bit_depth(png_, info_) > 8;
    return true;
  }

  /// Asks for rows of 8-bit RGB, or RGBA, for which libpng allocates rows of its own: of a width
  /// that was checked.
  bool prepare_rows() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    const int colour = png_get_color_type(png_, info_);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (png_get_bit_depth(png_, info_) < 8) png_set_expand_gray_1_2_4_to_8(png_);
    if (png_get_valid(png_, info_, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(png_);
    png_set_strip_16(png_);
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

  /// Whether an error came when all pixels had been read, because the file ends there.
  bool broke_off_behind_pixels() const {
    constexpr int kPasses = 7;
    const bool is_interlaced = png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
    return broke_off_ && (is_interlaced ? png_get_current_pass_number(png_) >= kPasses
                                        : png_get_current_row_number(png_) >= height());
  }

  bool is_deep() const { return is_deep_; }
  bool has_alpha() const { return has_alpha_; }
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
    if (self->rest_.size() < size) {
      self->broke_off_ = true;
      png_error(png, "the file breaks off");
    }
    std::memcpy(out, self->rest_.data(), size);
    self->rest_ = self->rest_.subspan(size);
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  Bytes rest_;
  bool has_alpha_ = false;
  bool is_deep_ = false;
  bool broke_off_ = false;
  char message_[128] = {};
};

/// The first chunk of a type, if the file has the whole of it. A chunk: the size of its data, its
/// type, the data, a checksum.
std::optional<Bytes> find_chunk(Bytes png, const char* type) {
  constexpr size_t kSignatureBytes = 8;
  constexpr size_t kHeadBytes = 8;
  constexpr size_t kChecksumBytes = 4;
  Bytes rest = png.subspan(kSignatureBytes);
  while (rest.size() >= kHeadBytes + kChecksumBytes) {
    const size_t size = png_get_uint_32(reinterpret_cast<png_const_bytep>(rest.data()));
    if (size > rest.size() - kHeadBytes - kChecksumBytes) break;
    if (std::memcmp(rest.data() + 4, type, 4) == 0) return rest.subspan(kHeadBytes, size);
    rest = rest.subspan(kHeadBytes + size + kChecksumBytes);
  }
  return std::nullopt;
}

/// The eXIf chunk stands before the pixels or behind them.
int orientation_of(Bytes png) {
  const std::optional<Bytes> exif = find_chunk(png, "eXIf");
  return exif ? read_exif_orientation(*exif) : 1;
}

/// The file without the zeros that pad it, which are no chunk.
Bytes without_padding(Bytes png) {
  while (!png.empty() && png.back() == std::byte{0}) png = png.first(png.size() - 1);
  return png;
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

StoredImage decode_png(Bytes padded, const std::string& name, const DecodeLimits& limits) {
  const Bytes bytes = without_padding(padded);
  PngReader reader(bytes);
  if (!reader.read_header()) throw_broken(name, reader);
  StoredImage stored;
  constexpr int64_t kWithAlpha = 8;  // RGBA as it is read, and in two parts
  stored.image = make_image(reader.width(), reader.height(), name, limits,
                            reader.has_alpha() ? kWithAlpha : 3);
  const size_t pixels = stored.image.rgb.size() / 3;
  const auto width = static_cast<size_t>(stored.image.width);
  const size_t row_bytes = width * (reader.has_alpha() ? 4 : 3);
  if (!reader.prepare_rows()) throw_broken(name, reader);
  OWL3_CHECK(reader.row_bytes() == row_bytes);

  std::vector<uint8_t> rgba(reader.has_alpha() ? pixels * 4 : 0);
  uint8_t* const data = reader.has_alpha() ? rgba.data() : stored.image.rgb.data();
  std::vector<png_bytep> rows(static_cast<size_t>(stored.image.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = data + y * row_bytes;
  const bool whole = reader.read_rows(rows.data());
  if (!whole && !reader.broke_off_behind_pixels()) throw_broken(name, reader);
  if (!whole || !find_chunk(bytes, "IEND")) {
    stored.warnings.emplace_back("the PNG breaks off behind its pixels, which are all there");
  }
  if (reader.has_alpha()) {
    stored.alpha.resize(pixels);
    split_rgba(rgba.data(), pixels, stored.image.rgb.data(), stored.alpha.data());
  }
  stored.is_deep = reader.is_deep();
  stored.orientation = orientation_of(bytes);
  return stored;
}

}  // namespace owl3
