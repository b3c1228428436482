// Files that lack a little at their end are shown with a warning; those that lack pixels are not.
#include <fmt/format.h>

#include "make_jpeg.h"
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

}  // namespace
}  // namespace owl3
