// GIF: the first picture on its canvas, as Pillow shows it. What the picture doesn't cover has the
// transparent colour, or the first of the palette.
#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "media/decode_formats.h"
#include "media/lzw.h"

namespace owl3 {
namespace {

using Palette = std::array<std::array<uint8_t, 3>, 256>;

constexpr int kExtension = 0x21;
constexpr int kPicture = 0x2c;
constexpr int kEnd = 0x3b;

class GifReader {
 public:
  GifReader(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {
    for (size_t i = 0; i < palette_.size(); ++i) palette_[i].fill(static_cast<uint8_t>(i));
    read_header();
    find_picture();
  }

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  bool has_transparent_colour() const { return transparent_.has_value(); }

  void read_picture(StoredImage& stored);

  /// Whether the file goes on to its end marker, read behind the picture.
  bool has_end();

 private:
  struct Frame {
    int left = 0, top = 0, width = 0, height = 0;
    bool is_interlaced = false;
  };

  [[noreturn]] void fail(const char* what) const {
    throw InputError(fmt::format("{}: broken GIF: {}", name_, what));
  }
  [[noreturn]] void fail_as_cut() const { fail("it breaks off before its pixels end"); }

  int byte() {
    if (position_ >= bytes_.size()) fail_as_cut();
    return std::to_integer<int>(bytes_[position_++]);
  }
  int number() {
    const int low = byte();
    return low | byte() << 8;
  }
  void read_palette(int flags);
  void read_header();
  void read_control();
  void find_picture();
  /// A block's length, 0 at the end of the blocks, nothing at the end of the file.
  std::optional<size_t> block_length();
  bool skip_blocks();

  Bytes bytes_;
  const std::string& name_;
  size_t position_ = 0;
  int64_t width_ = 0;
  int64_t height_ = 0;
  Palette palette_{};  // grey where the file has none
  std::optional<uint8_t> transparent_;
  Frame frame_;
};

void GifReader::read_palette(int flags) {
  if ((flags & 0x80) == 0) return;
  const size_t colours = size_t{2} << (flags & 7);
  for (size_t i = 0; i < colours; ++i) {
    for (uint8_t& channel : palette_[i]) channel = static_cast<uint8_t>(byte());
  }
}

void GifReader::read_header() {
  constexpr size_t kSignatureBytes = 6;
  position_ = kSignatureBytes;
  width_ = number();
  height_ = number();
  const int flags = byte();
  byte();  // the background, which nobody shows
  byte();  // the pixels' shape
  read_palette(flags);
}

std::optional<size_t> GifReader::block_length() {
  if (position_ >= bytes_.size()) return std::nullopt;
  return std::to_integer<size_t>(bytes_[position_++]);
}

/// False when the file ends before.
bool GifReader::skip_blocks() {
  for (;;) {
    const std::optional<size_t> length = block_length();
    if (length == 0) return true;
    if (!length || *length > bytes_.size() - position_) return false;
    position_ += *length;
  }
}

void GifReader::read_control() {
  const size_t start = position_;
  const int length = byte();
  if (length >= 4) {
    const int flags = byte();
    number();  // hundredths of a second
    const int colour = byte();
    transparent_.reset();
    if ((flags & 1) != 0) transparent_ = static_cast<uint8_t>(colour);
  }
  position_ = start;
}

/// Reads up to the picture's data. Bytes between blocks are skipped, as Pillow does.
void GifReader::find_picture() {
  for (;;) {
    const int kind = byte();
    if (kind == kEnd) fail("it holds no picture");
    if (kind == kExtension) {
      constexpr int kControl = 0xf9;
      if (byte() == kControl) read_control();
      if (!skip_blocks()) fail_as_cut();
    }
    if (kind == kPicture) break;
  }
  frame_.left = number();
  frame_.top = number();
  frame_.width = number();
  frame_.height = number();
  const int flags = byte();
  frame_.is_interlaced = (flags & 0x40) != 0;
  read_palette(flags);
  width_ = std::max<int64_t>(width_, frame_.left + frame_.width);
  height_ = std::max<int64_t>(height_, frame_.top + frame_.height);
}

/// Rows in the order they are stored.
class RowOrder {
 public:
  RowOrder(int height, bool is_interlaced) : height_(height), is_interlaced_(is_interlaced) {}

  int row() const { return row_; }
  void advance() {
    if (!is_interlaced_) {
      ++row_;
      return;
    }
    constexpr int kFirst[] = {0, 4, 2, 1};
    constexpr int kStep[] = {8, 8, 4, 2};
    row_ += kStep[pass_];
    while (row_ >= height_ && pass_ < 3) row_ = kFirst[++pass_];
  }

 private:
  int height_;
  bool is_interlaced_;
  int row_ = 0;
  int pass_ = 0;
};

void GifReader::read_picture(StoredImage& stored) {
  const uint8_t behind = transparent_.value_or(0);
  const auto put = [&](size_t pixel, uint8_t index) {
    std::copy_n(palette_[index].data(), 3, stored.image.rgb.data() + 3 * pixel);
    if (transparent_) stored.alpha[pixel] = index == *transparent_ ? 0 : 255;
  };
  const auto pixels = static_cast<size_t>(width_ * height_);
  if (transparent_) stored.alpha.resize(pixels);
  const bool covers = frame_.width == width_ && frame_.height == height_;
  for (size_t i = 0; !covers && i < pixels; ++i) put(i, behind);

  const int bits = byte();
  if (bits < 1 || bits > 11) fail("its data have no right beginning");
  GifLzw lzw(bits);
  RowOrder order(frame_.height, frame_.is_interlaced);
  int64_t left = int64_t{frame_.width} * frame_.height;
  int x = 0;
  const auto each = [&](uint8_t index) {
    const int64_t y = frame_.top + order.row();
    put(static_cast<size_t>(y * width_ + frame_.left + x), index);
    if (++x == frame_.width) {
      x = 0;
      order.advance();
    }
    return --left > 0;
  };
  auto state = left == 0 ? GifLzw::State::kEnded : GifLzw::State::kRunning;
  for (size_t in_block = 0; state == GifLzw::State::kRunning; --in_block) {
    while (in_block == 0) {
      const std::optional<size_t> length = block_length();
      if (!length) fail_as_cut();
      if (*length == 0) fail("its data end before its pixels do");
      in_block = *length;
    }
    state = lzw.take(static_cast<uint8_t>(byte()), each);
    if (state != GifLzw::State::kRunning)
      position_ = std::min(bytes_.size(), position_ + in_block - 1);
  }
  if (state == GifLzw::State::kBroken) fail("its data are damaged");
  if (left > 0) fail("its data end before its pixels do");
}

bool GifReader::has_end() {
  if (!skip_blocks()) return false;
  while (position_ < bytes_.size()) {
    const int kind = byte();
    if (kind == kEnd) return true;
    if (kind == kExtension) {
      if (position_++ >= bytes_.size() || !skip_blocks()) return false;
    }
    if (kind == kPicture) {
      constexpr size_t kDescriptorBytes = 9;
      if (bytes_.size() - position_ < kDescriptorBytes + 1) return false;
      const int flags = std::to_integer<int>(bytes_[position_ + kDescriptorBytes - 1]);
      const size_t palette = (flags & 0x80) != 0 ? size_t{6} << (flags & 7) : 0;
      position_ += kDescriptorBytes + palette + 1;
      if (position_ > bytes_.size() || !skip_blocks()) return false;
    }
  }
  return false;
}

}  // namespace

StoredSize read_gif_size(Bytes bytes, const std::string& name) {
  const GifReader reader(bytes, name);
  return {reader.width(), reader.height(), 1};
}

StoredImage decode_gif(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  GifReader reader(bytes, name);
  StoredImage stored;
  const int64_t bytes_per_pixel = reader.has_transparent_colour() ? 4 : 3;
  stored.image = make_image(reader.width(), reader.height(), name, limits, bytes_per_pixel);
  reader.read_picture(stored);
  if (!reader.has_end()) {
    stored.warnings.emplace_back("the GIF breaks off behind its first picture, which is whole");
  }
  return stored;
}

}  // namespace owl3
