// What is transparent, what is too large, and what FFmpeg would show wrongly.
#include <fmt/format.h>

#include "make_png.h"
#include "media/alpha.h"
#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;
using Bytes = std::vector<std::byte>;

constexpr Colour kWhite{255, 255, 255};

Bytes bytes_of(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// A literal, zeros in it included.
template <size_t N>
Bytes bytes_of(const char (&text)[N]) {
  return bytes_of(std::string(text, N - 1));
}

/// Black on nothing: a disc's worth of ink.
Bytes make_logo() {
  const Image black{10, 10, std::vector<uint8_t>(300)};
  std::vector<uint8_t> alpha(100);
  std::fill_n(alpha.begin(), 40, 255);
  alpha[40] = 128;
  return test::make_png(black, {.alpha = alpha});
}

TEST(Transparency, IsIgnoredWithAWarningAsTheReferenceIgnoresIt) {
  const DecodedImage image = decode_image(make_logo(), "logo.png");
  EXPECT_EQ(image.rgb, std::vector<uint8_t>(300));
  EXPECT_TRUE(image.warning.starts_with("logo.png: 59 % of the picture is transparent"))
      << image.warning;
  EXPECT_NE(image.warning.find("--background"), std::string::npos);
}

TEST(Transparency, IsLaidOverABackground) {
  const DecodedImage image = decode_image(make_logo(), "logo.png", {.background = kWhite});
  EXPECT_EQ(image.warning, "");
  EXPECT_EQ(image.rgb[0], 0);
  EXPECT_EQ(image.rgb[3 * 40], 127);
  EXPECT_EQ(image.rgb[3 * 99], 255);
  const DecodedImage blue =
      decode_image(make_logo(), "logo.png", {.background = Colour{1, 2, 250}});
  EXPECT_EQ(std::vector<uint8_t>(blue.rgb.end() - 3, blue.rgb.end()),
            (std::vector<uint8_t>{1, 2, 250}));
}

TEST(Transparency, OfALittleIsNoWarning) {
  const Image grey{10, 10, std::vector<uint8_t>(300, 90)};
  std::vector<uint8_t> alpha(100, 255);
  EXPECT_EQ(decode_image(test::make_png(grey, {.alpha = alpha}), "opaque.png").warning, "");
  std::fill_n(alpha.begin(), 20, 0);  // rounded corners, a shadow
  EXPECT_EQ(decode_image(test::make_png(grey, {.alpha = alpha}), "round.png").warning, "");
}

TEST(Transparency, IsKnownOfEveryFormat) {
  // 1 x 1, of a colour that is transparent.
  const Bytes gif = bytes_of(
      "GIF89a\1\0\1\0\x80\0\0\x0a\x14\x1e\0\0\0!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D"
      "\1\0;");
  const Bytes xpm = bytes_of(
      "/* XPM */\nstatic char *x[] = {\n\"2 1 2 1\",\n\"a c None\",\n\"b c #ff0000\",\n\"ab\"};\n");
  const Bytes pam = bytes_of(
      "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
      "\x0a\x14\x1e\0\x0a\x14\x1e\xff");
  for (const auto& [name, file] : {std::pair("a.gif", gif), {"a.xpm", xpm}, {"a.pam", pam}}) {
    EXPECT_NE(decode_image(file, name).warning.find("transparent"), std::string::npos) << name;
    const Image image = decode_image(file, name, {.background = kWhite});
    EXPECT_EQ(image.rgb[0], 255) << name;
    EXPECT_EQ(image.rgb[1], 255) << name;
  }
  EXPECT_EQ(decode_image(pam, "a.pam").rgb, (std::vector<uint8_t>{10, 20, 30, 10, 20, 30}));
  const auto webp = data_file("images/15-RGBA-246x111.webp");
  EXPECT_NE(load_image(webp, {.background = kWhite}).rgb,
            load_image(webp, {.background = Colour{}}).rgb);
}

TEST(Transparency, SharesCountHalfTransparentPixelsHalf) {
  EXPECT_EQ(transparent_share({}), 0);
  EXPECT_DOUBLE_EQ(transparent_share({0, 255}), 0.5);
  EXPECT_DOUBLE_EQ(transparent_share({51, 255}), 0.4);
}

/// A few bytes that claim a canvas.
Bytes gif_bomb(uint16_t width, uint16_t height) {
  Bytes gif = bytes_of("GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;");
  const uint16_t sides[] = {width, height};
  for (size_t i = 0; i < 2; ++i) {
    gif[6 + 2 * i] = static_cast<std::byte>(sides[i] & 0xff);
    gif[7 + 2 * i] = static_cast<std::byte>(sides[i] >> 8);
  }
  return gif;
}

TEST(Limits, MeetSmallFilesThatClaimHugeCanvases) {
  const Bytes gif = gif_bomb(14000, 14000);
  const Bytes large = gif_bomb(65535, 65535);
  expect_input_error([&] { decode_image(large, "a.gif"); },
                     "claims 65535 x 65535 pixels; the limit is 200000000 pixels");
  expect_input_error([&] { image_size(large, "a.gif"); }, "claims 65535 x 65535 pixels");
  expect_input_error([&] { decode_image(gif, "a.gif", {.max_pixels = 1'000'000}); },
                     "the limit is 1000000 pixels");
  expect_input_error([&] { decode_image(gif, "a.gif", {.max_bytes = 500'000'000}); },
                     "decoding them takes 588 MB of memory, and 500 MB can be had");
  EXPECT_EQ(decode_image(gif_bomb(30, 20), "a.gif", {.max_pixels = 600}).height, 20);
}

TEST(Limits, OfMemoryHoldForEveryFormat) {
  for (const std::string name : {"20-RGB-190x300.png", "06-I16-33x240.png", "08-RGB-200x150.jpg",
                                 "09-RGB-256x256.jpg", "13-RGB-85x215.webp", "15-RGBA-246x111.webp",
                                 "16-RGB-244x263.bmp", "17-P-94x259.gif", "18-RGB-271x121.tiff"}) {
    const auto path = data_file("images/" + name);
    expect_input_error([&] { load_image(path, {.max_bytes = 20'000}); }, "MB of memory");
    EXPECT_NO_THROW(load_image(path, {.max_bytes = 10'000'000}));
  }
}

TEST(Limits, OfPixelsNameTheSizeForFormatsOfFfmpegToo) {
  const std::string text = "P6\n300 200\n255\n" + std::string(300 * 200 * 3, 'x');
  expect_input_error([&] { decode_image(bytes_of(text), "a.ppm", {.max_pixels = 1000}); },
                     "a.ppm: it claims 300 x 200 pixels; the limit is 1000 pixels");
}

TEST(FfmpegPictures, InXpmWithLongColoursAreNotBlack) {
  const Bytes xpm = bytes_of(
      "/* XPM */\nstatic char *x[] = {\n\"3 1 3 1\",\n\"a c #12AB34CD56EF\",\n\"b c #fff888000\",\n"
      "\"c c #010203\",\n\"abc\"};\n");
  EXPECT_EQ(decode_image(xpm, "a.xpm").rgb,
            (std::vector<uint8_t>{0x12, 0x34, 0x56, 0xff, 0x88, 0x00, 1, 2, 3}));
}

TEST(FfmpegPictures, OfJpegLsAreNotTakenForJpeg) {
  // 4 x 2, grey: a row of 200 and one of 50.
  const Bytes jls = bytes_of(
      "\xff\xd8\xff\xf7\0\x0b\x08\0\2\0\4\1\1\x11\0\xff\xda\0\x08\1\1\0\0\0\0\0\0\1\x6d\x94\0\0"
      "\3\xa7\xc0\xff\xd9");
  const Image image = decode_image(jls, "a.jls");
  EXPECT_EQ(image.rgb.front(), 200);
  EXPECT_EQ(image.rgb.back(), 50);
}

TEST(FfmpegPictures, InPfmStandUpright) {
  std::string text = "Pf\n1 2\n-1.0\n";
  for (const float value : {0.0F, 1.0F}) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);  // the lower row first
  }
  EXPECT_EQ(decode_image(bytes_of(text), "a.pfm").rgb,
            (std::vector<uint8_t>{255, 255, 255, 0, 0, 0}));
}

TEST(FfmpegPictures, OfSunRasterThatBreakOffAreRefused) {
  Bytes file =
      bytes_of("\x59\xa6\x6a\x95\0\0\0\2\0\0\0\2\0\0\0\x18\0\0\0\x0c\0\0\0\1\0\0\0\0\0\0\0\0");
  file.resize(file.size() + 12, std::byte{'x'});
  EXPECT_EQ(decode_image(file, "a.ras").width, 2);
  file.resize(file.size() - 3);
  expect_input_error([&] { decode_image(file, "a.ras"); },
                     "a.ras: broken Sun raster: it breaks off before its pixels end");
}

TEST(DeepPictures, ThatUseTheirLowBitsOnlyAreSaidToLookBlack) {
  const Image dark{8, 8, std::vector<uint8_t>(192, 9)};  // 12 bits of 16
  const DecodedImage deep = decode_image(test::make_png(dark, {.bits = 16}), "sensor.png");
  EXPECT_NE(deep.warning.find("sensor.png: it looks black"), std::string::npos) << deep.warning;
  EXPECT_EQ(decode_image(test::make_png(dark, {}), "night.png").warning, "");
}

}  // namespace
}  // namespace owl3
