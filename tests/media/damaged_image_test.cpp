// Files that lack a little at their end are shown with a warning; those that lack pixels are not.
#include <fmt/format.h>

#include <algorithm>

#include "make_jpeg.h"
#include "make_png.h"
#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;
using test::JpegKind;
using test::make_jpeg;
using Bytes = std::vector<std::byte>;

constexpr const char* kLacksEnd = "lacks its end marker";

/// Busy to its last block: each has something to lose.
Image make_busy_image() {
  Image image{77, 53, {}};
  uint32_t state = 1;
  for (int i = 0; i < image.width * image.height * 3; ++i) {
    state = state * 1664525 + 1013904223;
    image.rgb.push_back(static_cast<uint8_t>(state >> 24));
  }
  return image;
}

std::vector<JpegKind> jpeg_kinds() {
  return {{},
          {.progressive = true},
          {.restart_interval = 2},
          {.arithmetic = true},
          {.progressive = true, .arithmetic = true}};
}

Bytes without_last(const Bytes& bytes, size_t count) {
  return {bytes.begin(), bytes.end() - static_cast<ptrdiff_t>(count)};
}

Bytes with_appended(Bytes bytes, size_t count, std::byte value) {
  bytes.insert(bytes.end(), count, value);
  return bytes;
}

/// The pixels of the whole file, and a warning that says `part`.
void expect_shown(const Bytes& damaged, const Image& whole, const std::string& part) {
  const DecodedImage image = decode_image(damaged, "cut.file");
  EXPECT_EQ(image.rgb, whole.rgb);
  EXPECT_TRUE(image.warning.starts_with("cut.file: ")) << image.warning;
  EXPECT_NE(image.warning.find(part), std::string::npos) << image.warning;
}

TEST(DamagedJpeg, ThatLacksOnlyItsEndMarkerIsShownWithAWarning) {
  const Image picture = make_busy_image();
  for (const JpegKind& kind : jpeg_kinds()) {
    const Bytes whole = make_jpeg(picture, kind);
    const DecodedImage image = decode_image(whole, "whole.jpg");
    EXPECT_EQ(image.warning, "");
    if (kind.arithmetic) continue;  // its end can't be told from its being cut
    expect_shown(without_last(whole, 2), image, kLacksEnd);
    expect_shown(without_last(whole, 1), image, kLacksEnd);
    expect_shown(with_appended(without_last(whole, 2), 5000, std::byte{0}), image, kLacksEnd);
    expect_shown(with_appended(without_last(whole, 2), 5000, std::byte{0xff}), image, kLacksEnd);
    expect_shown(with_appended(without_last(whole, 2), 5000, std::byte{0x5a}), image, kLacksEnd);
  }
}

/// A drawing on white whose data, without the end marker, end with many zeros: its last code ends
/// with a byte, which one height in eight brings about.
Bytes make_jpeg_ending_with_zeros() {
  constexpr size_t kZeros = 20;
  const Image busy = make_busy_image();
  for (int height = 100; height < 800; height += 16) {
    Image drawing{400, height, std::vector<uint8_t>(static_cast<size_t>(400 * height * 3), 255)};
    std::copy(busy.rgb.begin(), busy.rgb.end(), drawing.rgb.begin());
    Bytes whole = make_jpeg(drawing, {.optimized = true});
    const Bytes tail(whole.end() - kZeros - 2, whole.end() - 2);
    if (tail == Bytes(kZeros)) return whole;
  }
  ADD_FAILURE() << "no height gives such a file";
  return {};
}

TEST(DamagedJpeg, MayEndWithPixelsThatAreZeros) {
  const Bytes whole = make_jpeg_ending_with_zeros();
  ASSERT_FALSE(whole.empty());
  const Bytes cut = without_last(whole, 2);
  expect_shown(cut, decode_image(whole, "whole.jpg"), kLacksEnd);
  for (const size_t missing : {size_t{12}, whole.size() / 2}) {
    const Bytes shorter = without_last(cut, missing);
    expect_input_error([&] { decode_image(shorter, "cut.jpg"); }, "it breaks off");
    const Bytes padded = with_appended(shorter, missing + 100, std::byte{0});
    expect_input_error([&] { decode_image(padded, "cut.jpg"); }, "it breaks off");
  }
}

TEST(DamagedJpeg, OfEveryGoldenFileIsShownWithoutItsEndMarker) {
  for (const std::string name : {"07-RGB-240x33.jpg", "08-RGB-200x150.jpg", "09-RGB-256x256.jpg",
                                 "10-L-640x480.jpg", "11-CMYK-311x703.jpg"}) {
    const Bytes whole = test::read_file(data_file("images/" + name));
    expect_shown(without_last(whole, 2), decode_image(whole, name), kLacksEnd);
  }
}

TEST(DamagedJpeg, WithWhatFollowsItsEndIsWhole) {
  const Bytes whole = make_jpeg(make_busy_image());
  EXPECT_EQ(decode_image(with_appended(whole, 999, std::byte{0}), "padded.jpg").warning, "");
  EXPECT_EQ(decode_image(with_appended(whole, 999, std::byte{7}), "motion.jpg").warning, "");
}

TEST(DamagedJpeg, ThatLacksPixelsIsRefused) {
  for (const JpegKind& kind : jpeg_kinds()) {
    const Bytes whole = make_jpeg(make_busy_image(), kind);
    for (size_t missing = 12; missing < whole.size() - 700; missing += 1 + missing / 3) {
      SCOPED_TRACE(fmt::format("{} bytes missing, progressive {}, arithmetic {}, restarts {}",
                               missing, kind.progressive, kind.arithmetic, kind.restart_interval));
      const Bytes cut = without_last(whole, missing);
      expect_input_error([&] { decode_image(cut, "cut.jpg"); }, "cut.jpg: broken JPEG");
      // A download that was given its full size beforehand.
      constexpr size_t kLastBlocks = 120;  // two zeros can stand for the colours of these
      if (missing < kLastBlocks) continue;
      const Bytes padded = with_appended(cut, missing, std::byte{0});
      expect_input_error([&] { decode_image(padded, "cut.jpg"); }, "cut.jpg: broken JPEG");
    }
  }
}

TEST(DamagedJpeg, WithSpoiltPixelsIsShownAndSaysSo) {
  const Image picture = make_busy_image();
  Bytes spoilt = make_jpeg(picture, {.restart_interval = 2});
  const auto middle = spoilt.begin() + static_cast<ptrdiff_t>(spoilt.size() / 2);
  auto marker = middle;
  while (marker[0] != std::byte{0xff} || (marker[1] & std::byte{0xf8}) != std::byte{0xd0}) ++marker;
  spoilt.erase(middle, marker);  // a restart interval lacks its end
  const DecodedImage image = decode_image(spoilt, "spoilt.jpg");
  EXPECT_EQ(image.width, picture.width);
  EXPECT_NE(image.warning.find("spoilt.jpg: the JPEG is damaged"), std::string::npos)
      << image.warning;
}

constexpr const char* kBreaksOffBehind = "breaks off behind its";

TEST(DamagedPng, ThatLacksOnlyWhatFollowsItsPixelsIsShownWithAWarning) {
  const Image picture = make_busy_image();
  constexpr size_t kEndChunk = 12;
  constexpr size_t kChecksum = 4;
  for (const bool interlaced : {false, true}) {
    for (const int bits : {8, 16}) {
      const Bytes whole = test::make_png(picture, {.interlaced = interlaced, .bits = bits});
      EXPECT_EQ(decode_image(whole, "whole.png").warning, "");
      EXPECT_EQ(decode_image(with_appended(whole, 99, std::byte{0}), "padded.png").warning, "");
      for (const size_t missing : {size_t{1}, kChecksum, kEndChunk, kEndChunk + kChecksum}) {
        const Bytes cut = without_last(whole, missing);
        expect_shown(cut, picture, kBreaksOffBehind);
        expect_shown(with_appended(cut, 4000, std::byte{0}), picture, kBreaksOffBehind);
      }
      for (const size_t missing : {size_t{60}, whole.size() / 2}) {
        const Bytes cut = without_last(whole, missing);
        expect_input_error([&] { decode_image(cut, "cut.png"); }, "cut.png: broken PNG");
        expect_input_error(
            [&] { decode_image(with_appended(cut, missing, std::byte{0}), "cut.png"); },
            "cut.png: broken PNG");
      }
    }
  }
}

TEST(DamagedPng, WithSpoiltPixelsIsRefused) {
  Bytes spoilt = test::make_png(make_busy_image(), {});
  spoilt[spoilt.size() - 40] ^= std::byte{0x10};
  expect_input_error([&] { decode_image(spoilt, "spoilt.png"); }, "spoilt.png: broken PNG");
}

TEST(DamagedGif, ThatLacksOnlyWhatFollowsItsPixelsIsShownWithAWarning) {
  const Bytes whole = test::read_file(data_file("images/17-P-94x259.gif"));
  const DecodedImage image = decode_image(whole, "whole.gif");
  EXPECT_EQ(image.warning, "");
  expect_shown(without_last(whole, 1), image, kBreaksOffBehind);  // the end marker
  expect_shown(without_last(whole, 2), image, kBreaksOffBehind);  // the block's end too
  for (const size_t missing : {size_t{40}, whole.size() / 2}) {
    const Bytes cut = without_last(whole, missing);
    expect_input_error([&] { decode_image(cut, "cut.gif"); }, "cut.gif: broken GIF: it breaks off");
    expect_input_error([&] { decode_image(with_appended(cut, missing, std::byte{0}), "cut.gif"); },
                       "cut.gif: broken GIF: its data end before its pixels do");
  }
}

TEST(DamagedWebp, ThatLacksOnlyWhatFollowsItsPixelsIsShownWithAWarning) {
  for (const std::string name :
       {"13-RGB-85x215.webp", "14-RGB-215x145.webp", "15-RGBA-246x111.webp"}) {
    Bytes whole = test::read_file(data_file("images/" + name));
    const DecodedImage image = decode_image(whole, name);
    // A chunk of metadata behind the picture, which the header counts and the file lacks partly.
    Bytes longer = whole;
    for (const char c : {'X', 'M', 'P', ' ', '@', '\0', '\0', '\0'}) {
      longer.push_back(static_cast<std::byte>(c));
    }
    longer.resize(longer.size() + 64, std::byte{'x'});
    const size_t size = longer.size() - 8;
    for (size_t i = 0; i < 4; ++i) longer[4 + i] = static_cast<std::byte>(size >> 8 * i);
    EXPECT_EQ(decode_image(longer, name).warning, image.warning);
    expect_shown(without_last(longer, 30), image, kBreaksOffBehind);
    for (const size_t missing : {size_t{20}, whole.size() / 2}) {
      const Bytes cut = without_last(whole, missing);
      expect_input_error([&] { decode_image(cut, "cut.webp"); },
                         "cut.webp: broken WebP: it breaks off before its pixels end");
    }
  }
}

TEST(DamagedWebp, WhosePixelsEndWithZerosIsShownWithAWarning) {
  const Bytes whole = test::read_file(data_file("images/14-RGB-215x145.webp"));
  Bytes blank = whole;
  std::fill(blank.begin() + static_cast<ptrdiff_t>(blank.size() * 2 / 3), blank.end(),
            std::byte{0});
  const std::string warning = decode_image(blank, "blank.webp").warning;
  EXPECT_NE(warning.find("perhaps a download that was not finished"), std::string::npos) << warning;
  EXPECT_EQ(decode_image(whole, "whole.webp").warning, "");
}

/// 24 bits, of an odd width: rows end with padding.
Bytes make_bmp(const Image& image) {
  const size_t stride = (static_cast<size_t>(image.width) * 3 + 3) / 4 * 4;
  Bytes bmp;
  const auto put = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bmp.push_back(static_cast<std::byte>(value >> 8 * i));
  };
  constexpr uint32_t kHeaders = 54;
  put(0x4d42, 2);
  put(kHeaders + static_cast<uint32_t>(stride) * static_cast<uint32_t>(image.height), 4);
  put(0, 4);
  put(kHeaders, 4);
  put(40, 4);
  put(static_cast<uint32_t>(image.width), 4);
  put(static_cast<uint32_t>(image.height), 4);
  put(1, 2);
  put(24, 2);
  for (int i = 0; i < 6; ++i) put(0, 4);
  for (int y = image.height - 1; y >= 0; --y) {
    for (int x = 0; x < image.width; ++x) {
      const uint8_t* rgb = image.rgb.data() + (y * image.width + x) * 3;
      for (int c = 2; c >= 0; --c) bmp.push_back(static_cast<std::byte>(rgb[c]));
    }
    bmp.resize(kHeaders + stride * static_cast<size_t>(image.height - y));
  }
  return bmp;
}

TEST(DamagedBmp, ThatLacksOnlyItsLastPaddingIsShownWithAWarning) {
  const Image picture = make_busy_image();
  const Bytes whole = make_bmp(picture);
  const DecodedImage image = decode_image(whole, "whole.bmp");
  EXPECT_EQ(image.rgb, picture.rgb);
  EXPECT_EQ(image.warning, "");
  expect_shown(without_last(whole, 1), image, kBreaksOffBehind);  // 77 x 3 bytes and 1 of padding
  for (const size_t missing : {size_t{2}, size_t{100}, whole.size() / 2}) {
    expect_input_error([&] { decode_image(without_last(whole, missing), "cut.bmp"); },
                       "cut.bmp: broken BMP: it breaks off before its pixels end");
  }
}

TEST(DamagedBmp, ThatIsCompressedIsCheckedToo) {
  Bytes bmp;  // 4 x 2, 8 bits
  const auto put = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bmp.push_back(static_cast<std::byte>(value >> 8 * i));
  };
  constexpr uint32_t kPixels = 54 + 8;
  put(0x4d42, 2), put(kPixels + 10, 4), put(0, 4), put(kPixels, 4);
  put(40, 4), put(4, 4), put(2, 4), put(1, 2), put(8, 2), put(1, 4), put(10, 4);
  put(0, 4), put(0, 4), put(2, 4), put(0, 4);
  put(0x000000ff, 4), put(0x0000ff00, 4);     // blue, green
  put(0x0104, 2), put(0, 2), put(0x0004, 2);  // four green, next row, four blue
  put(0, 2), put(0x0100, 2);                  // next row, the end
  const DecodedImage image = decode_image(bmp, "whole.bmp");
  EXPECT_EQ(image.warning, "");
  EXPECT_EQ(image.rgb[2], 255);
  EXPECT_EQ(image.rgb[3 * 4 + 1], 255);
  expect_shown(without_last(bmp, 2), image, kBreaksOffBehind);
  expect_shown(without_last(bmp, 4), image, kBreaksOffBehind);
  expect_input_error([&] { decode_image(without_last(bmp, 6), "cut.bmp"); },
                     "cut.bmp: broken BMP: it breaks off before its pixels end");
}

}  // namespace
}  // namespace owl3
