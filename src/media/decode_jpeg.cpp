// JPEG through libjpeg-turbo: any Huffman or arithmetic coded kind it knows, grey, RGB, YCbCr,
// CMYK and YCCK.
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs FILE from <cstdio> above it.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "media/cmyk.h"
#include "media/decode_formats.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

constexpr const char* kLacksEnd = "the JPEG lacks its end marker; its pixels are all there";

/// libjpeg reports errors by a call that must not return, so each step below runs under its own
/// setjmp in a function that holds only plain data.
class JpegReader {
 public:
  explicit JpegReader(Bytes bytes) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { self(info).fail(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) self(info).take_warning(info->err->msg_code);
    };
    progress_.progress_monitor = [](j_common_ptr info) { self(info).look_at_scan(); };
    if (setjmp(jump_) != 0) return;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    created_ = true;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header() {
    if (!created_ || setjmp(jump_) != 0) return false;
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&info_, TRUE);
    if (ended_early_) fail_as_cut();
    info_.out_color_space = info_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    return true;
  }

  /// Rows of `width` pixels of 3 (RGB) or 4 (CMYK) bytes; each(row, y) is called for every one.
  template <typename EachRow>
  bool read_rows(uint8_t* row, const EachRow& each) {
    if (setjmp(jump_) != 0) return false;
    reading_pixels_ = true;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      const JDIMENSION y = info_.output_scanline;
      JSAMPROW rows[] = {row};
      jpeg_read_scanlines(&info_, rows, 1);
      each(row, y);
    }
    if (ended_early_ && (damaged_ || !has_all_scans())) fail_as_cut();
    reading_pixels_ = false;
    unread_bytes_ = ended_early_ ? 0 : info_.src->bytes_in_buffer;
    return true;
  }

  /// Reads on to the end marker; what is wrong there harms no pixel.
  void read_end() {
    if (setjmp(jump_) != 0) {
      ended_early_ = true;
      return;
    }
    jpeg_finish_decompress(&info_);
  }

  int orientation() const {
    for (const jpeg_marker_struct* m = info_.marker_list; m != nullptr; m = m->next) {
      const Bytes data(reinterpret_cast<const std::byte*>(m->data), m->data_length);
      if (data.size() > 6 && data[0] == std::byte{'E'}) {
        if (const int found = read_exif_orientation(data); found != 1) return found;
      }
    }
    return 1;
  }

  int64_t width() const { return info_.image_width; }
  int64_t height() const { return info_.image_height; }
  /// Coefficients are kept until the last scan has come.
  bool is_kept_whole() { return jpeg_has_multiple_scans(&info_) != 0; }
  bool is_arithmetic() const { return info_.arith_code != 0; }
  bool is_cmyk() const { return info_.out_color_space == JCS_CMYK; }
  const char* message() const { return message_; }
  /// Whether it failed at something that libjpeg can't do, in a file that may be whole.
  bool is_unsupported() const {
    switch (errors_.msg_code) {
      case JERR_SOF_UNSUPPORTED:
      case JERR_UNKNOWN_MARKER:
      case JERR_BAD_PRECISION:
      case JERR_COMPONENT_COUNT:
      case JERR_CONVERSION_NOTIMPL:
      case JERR_FRACT_SAMPLE_NOTIMPL:
      case JERR_CCIR601_NOTIMPL:
      case JERR_ARITH_NOTIMPL:
      case JERR_NOT_COMPILED:
      case JERR_NOTIMPL:
      case JERR_IMAGE_TOO_BIG:
      case JERR_OUT_OF_MEMORY:
        return true;
      default:
        return false;
    }
  }
  bool lacks_end() const { return ended_early_; }
  /// How many bytes are left behind the last pixel.
  size_t unread_bytes() const { return unread_bytes_; }
  /// Whether pixels had to be guessed.
  bool is_damaged() const { return damaged_; }

 private:
  static JpegReader& self(j_common_ptr info) {
    return *static_cast<JpegReader*>(info->client_data);
  }
  [[noreturn]] void fail() {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), message_);
    longjmp(jump_, 1);
  }
  /// For errors of our own, which are no message of libjpeg's.
  [[noreturn]] void fail_as_told() {
    errors_.msg_code = 0;
    longjmp(jump_, 1);
  }
  [[noreturn]] void fail_as_cut() {
    std::snprintf(message_, sizeof message_, "%s",
                  damaged_before_end_ ? "it is damaged, and its end is missing"
                                      : "it breaks off before its pixels end");
    fail_as_told();
  }

  // libjpeg pads with grey what is missing; a model should not be shown half a picture. But where
  // the data end is no error in itself: the decoder reads ahead, and cameras leave out the end
  // marker.
  void take_warning(int code) {
    if (code == JWRN_JPEG_EOF) ended_early_ = true;
    const bool guesses =
        code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC;
    damaged_before_end_ = damaged_before_end_ || (guesses && !ended_early_);
    if (guesses && !damaged_) {
      damaged_ = true;
      errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), message_);
    }
    // The arithmetic decoder takes the end for zeros and says no more.
    if (ended_early_ && reading_pixels_ && (damaged_ || info_.arith_code)) fail_as_cut();
  }

  void look_at_scan() {
    // A few kilobytes can hold thousands of scans, each over the whole image.
    constexpr int kMaxScans = 500;
    if (info_.input_scan_number > kMaxScans) {
      std::snprintf(message_, sizeof message_, "more than %d progressive scans", kMaxScans);
      fail_as_told();
    }
    for (int i = 0; i < info_.comps_in_scan; ++i) {
      scanned_components_ |= 1U << info_.cur_comp_info[i]->component_index;
    }
  }

  /// Whether every component has come, and of a progressive image every bit of every coefficient.
  bool has_all_scans() const {
    if (scanned_components_ + 1 != 1U << info_.num_components) return false;
    if (info_.coef_bits == nullptr) return true;
    for (int component = 0; component < info_.num_components; ++component) {
      const int* const missing_bits = info_.coef_bits[component];
      if (std::any_of(missing_bits, missing_bits + DCTSIZE2, [](int bits) { return bits != 0; })) {
        return false;
      }
    }
    return true;
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
  bool created_ = false;
  bool reading_pixels_ = false;
  bool ended_early_ = false;  // before the end marker
  bool damaged_ = false;
  bool damaged_before_end_ = false;
  unsigned scanned_components_ = 0;  // a bit each
  size_t unread_bytes_ = 0;
};

/// The file without the zeros at its end.
Bytes without_zeros(Bytes bytes) {
  while (!bytes.empty() && bytes.back() == std::byte{0}) bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

bool ends_with_marker(Bytes bytes) {
  return bytes.size() >= 2 && bytes[bytes.size() - 2] == std::byte{0xff} &&
         bytes.back() == std::byte{0xd9};
}

/// CMYK in JPEG files is stored inverted (Adobe's custom, which Pillow takes for granted).
void inverted_cmyk_to_rgb(const uint8_t* inverted, uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, inverted += 4, rgb += 3) {
    uint8_t cmyk[4];
    for (int c = 0; c < 4; ++c) cmyk[c] = static_cast<uint8_t>(255 - inverted[c]);
    cmyk_to_rgb(cmyk, rgb);
  }
}

[[noreturn]] void throw_broken(const std::string& name, const JpegReader& reader) {
  if (reader.is_unsupported()) {
    throw InputError(
        fmt::format("{}: JPEG that can't be decoded here: {}", name, reader.message()));
  }
  throw InputError(fmt::format("{}: broken JPEG: {}", name, reader.message()));
}

/// Throws InputError where the reader fails at the header, or where the picture is too large.
StoredImage read_picture(JpegReader& reader, const std::string& name, const DecodeLimits& limits,
                         bool& whole) {
  if (!reader.read_header()) throw_broken(name, reader);
  StoredImage stored;
  stored.orientation = reader.orientation();
  constexpr int64_t kRgbBytes = 3;
  const int64_t coefficient_bytes = reader.is_kept_whole() ? 2 * (reader.is_cmyk() ? 4 : 3) : 0;
  stored.image =
      make_image(reader.width(), reader.height(), name, limits, kRgbBytes + coefficient_bytes);

  const int width = stored.image.width;
  uint8_t* const rgb = stored.image.rgb.data();
  const size_t row_bytes = static_cast<size_t>(width) * 3;
  std::vector<uint8_t> row(static_cast<size_t>(width) * 4);
  whole = reader.read_rows(row.data(), [&](const uint8_t* pixels, size_t y) {
    uint8_t* const target = rgb + y * row_bytes;
    if (reader.is_cmyk()) {
      inverted_cmyk_to_rgb(pixels, target, width);
    } else {
      std::copy_n(pixels, row_bytes, target);
    }
  });
  if (whole) reader.read_end();
  return stored;
}

/// The picture whose data end with the file's zeros: they are pixels, not padding, where the last
/// pixel needs the last of them. The decoder reads a few bytes ahead.
std::optional<StoredImage> ending_with_zeros(Bytes bytes, const std::string& name,
                                             const DecodeLimits& limits) {
  constexpr size_t kReadAhead = 8;
  JpegReader reader(bytes);
  bool whole = false;
  StoredImage stored = read_picture(reader, name, limits, whole);
  const bool to_the_end = whole && reader.unread_bytes() <= kReadAhead;
  if (!to_the_end || reader.is_damaged() || reader.is_arithmetic()) return std::nullopt;
  stored.warnings.emplace_back(kLacksEnd);
  return stored;
}

}  // namespace

StoredSize read_jpeg_size(Bytes bytes, const std::string& name) {
  JpegReader reader(bytes);
  if (!reader.read_header()) throw_broken(name, reader);
  return {reader.width(), reader.height(), reader.orientation()};
}

StoredImage decode_jpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  // Zeros that pad a file would be decoded as pixels where those are missing.
  Bytes data = without_zeros(bytes);
  if (!ends_with_marker(data)) {
    constexpr size_t kMayBeData = 2;
    data = bytes.first(std::min(data.size() + kMayBeData, bytes.size()));
    if (data.size() < bytes.size()) {
      if (auto stored = ending_with_zeros(bytes, name, limits)) return std::move(*stored);
    }
  }
  JpegReader reader(data);
  bool whole = false;
  StoredImage stored = read_picture(reader, name, limits, whole);
  if (!whole) throw_broken(name, reader);
  if (reader.is_damaged()) {
    stored.warnings.push_back(
        fmt::format("the JPEG is damaged, and a part of the picture wrong: {}", reader.message()));
  } else if (reader.lacks_end()) {
    stored.warnings.emplace_back(kLacksEnd);
  }
  return stored;
}

}  // namespace owl3
