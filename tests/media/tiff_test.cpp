// TIFF of every coding, layout and kind of sample shows its picture, or is refused by name.
#include <fmt/format.h>

#include <algorithm>

#include "make_jpeg.h"
#include "make_tiff.h"

namespace owl3 {
namespace {

using test::expect_input_error;
using test::make_tiff;
using test::TemporaryFolder;
using test::TiffKind;
using test::TiffValue;
using test::write_tiff_page;
using Bytes = std::vector<std::byte>;

constexpr int kWidth = 45;
constexpr int kHeight = 37;

/// Smooth, and different in each channel and place.
int colour_at(int x, int y, int sample) {
  constexpr int kAlpha = 3;
  if (sample == kAlpha) return x < kWidth / 2 ? 64 : 255;
  return sample == 0 ? 20 + 5 * x : sample == 1 ? 30 + 5 * y : 200 - 2 * x - 2 * y;
}

double value_at(int x, int y, int sample) {
  return colour_at(x, y, sample) / 255.0;
}

double grey_at(int x, int y, int) {
  return value_at(x, y, 0);
}

Image expected_rgb() {
  Image image{kWidth, kHeight, {}};
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c) image.rgb.push_back(static_cast<uint8_t>(colour_at(x, y, c)));
    }
  }
  return image;
}

Image expected_grey() {
  Image image = expected_rgb();
  for (size_t i = 0; i < image.rgb.size(); i += 3)
    image.rgb[i + 1] = image.rgb[i + 2] = image.rgb[i];
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i)
    largest = std::max(largest, std::abs(a.rgb[i] - b.rgb[i]));
  return largest;
}

void expect_shows(const TiffKind& kind, const TiffValue& value, const Image& wanted,
                  int tolerance) {
  SCOPED_TRACE(fmt::format(
      "compression {}, photometric {}, {} bits of kind {}, planes {}, tiles {}", kind.compression,
      kind.photometric, kind.bits, kind.format, kind.planes, kind.tiles));
  const Bytes file = make_tiff(kWidth, kHeight, kind, value);
  const DecodedImage image = decode_image(file, "made.tif");
  EXPECT_LE(largest_difference(image, wanted), tolerance);
  EXPECT_EQ(image.warning, "");
  const ImageSize size = image_size(file, "made.tif");
  EXPECT_EQ(size.width, image.width);
  EXPECT_EQ(size.height, image.height);
}

TEST(Tiff, IsReadInEveryCodingAndLayout) {
  for (const int compression :
       {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_DEFLATE, COMPRESSION_ADOBE_DEFLATE,
        COMPRESSION_PACKBITS, COMPRESSION_ZSTD, COMPRESSION_LZMA, COMPRESSION_JPEG}) {
    for (const bool planes : {false, true}) {
      for (const bool tiles : {false, true}) {
        const int tolerance = compression == COMPRESSION_JPEG ? 6 : 0;
        expect_shows({.compression = compression, .planes = planes, .tiles = tiles}, value_at,
                     expected_rgb(), tolerance);
      }
    }
  }
  for (const bool tiles : {false, true}) {
    expect_shows(
        {.compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_YCBCR, .tiles = tiles},
        value_at, expected_rgb(), 12);
  }
}

TEST(Tiff, IsReadInEitherByteOrderAndBig) {
  for (const std::string mode : {"wl", "wb", "w8", "w8b"}) {
    for (const int bits : {8, 16, 32}) {
      expect_shows({.bits = bits, .mode = mode}, value_at, expected_rgb(), 0);
    }
  }
}

TEST(Tiff, ShowsSamplesOfEveryKind) {
  for (const bool planes : {false, true}) {
    for (const int bits : {8, 16, 32}) {
      expect_shows({.bits = bits, .planes = planes}, value_at, expected_rgb(), 0);
    }
    for (const int bits : {16, 32, 64}) {
      expect_shows({.bits = bits, .format = SAMPLEFORMAT_IEEEFP, .planes = planes}, value_at,
                   expected_rgb(), 1);
    }
  }
  for (const int bits : {8, 16}) {
    expect_shows({.photometric = PHOTOMETRIC_MINISBLACK, .bits = bits, .samples = 1}, grey_at,
                 expected_grey(), 0);
    expect_shows(
        {.photometric = PHOTOMETRIC_MINISWHITE, .bits = bits, .samples = 1},
        [](int x, int y, int) { return 1 - grey_at(x, y, 0); }, expected_grey(), 0);
  }
  expect_shows({.photometric = PHOTOMETRIC_MINISBLACK,
                .bits = 32,
                .format = SAMPLEFORMAT_IEEEFP,
                .samples = 1},
               grey_at, expected_grey(), 0);
}

TEST(Tiff, ShowsCmykAsInk) {
  const TiffValue ink = [](int x, int y, int s) { return s == 3 ? 0 : 1 - value_at(x, y, s); };
  for (const int bits : {8, 16}) {
    for (const bool planes : {false, true}) {
      expect_shows(
          {.photometric = PHOTOMETRIC_SEPARATED, .bits = bits, .samples = 4, .planes = planes}, ink,
          expected_rgb(), 0);
    }
  }
  const Bytes black =
      make_tiff(kWidth, kHeight, {.photometric = PHOTOMETRIC_SEPARATED, .samples = 4},
                [](int, int, int s) { return s == 3 ? 1.0 : 0.0; });
  EXPECT_EQ(decode_image(black, "black.tif").rgb[0], 0);
}

TEST(Tiff, ShowsFloatsThatAreNoFractionsToo) {
  const TiffKind floats{.photometric = PHOTOMETRIC_MINISBLACK,
                        .bits = 32,
                        .format = SAMPLEFORMAT_IEEEFP,
                        .samples = 1};
  expect_shows(
      floats, [](int x, int y, int) { return grey_at(x, y, 0) * 255; }, expected_grey(), 0);
  const TiffValue height = [](int x, int, int) { return 1000.0 + 10 * x; };  // metres, say
  const DecodedImage image = decode_image(make_tiff(kWidth, kHeight, floats, height), "map.tif");
  EXPECT_EQ(image.rgb[0], 0);
  EXPECT_EQ(image.rgb[3 * (kWidth - 1)], 255);
  EXPECT_NE(image.warning.find("map.tif: its values reach from 1000 to 1440"), std::string::npos)
      << image.warning;
}

TEST(Tiff, ShowsBilevelAndPalettes) {
  for (const int compression : {COMPRESSION_NONE, COMPRESSION_CCITTFAX4, COMPRESSION_CCITTFAX3}) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "lines.tif";
    TIFF* tiff = TIFFOpen(path.c_str(), "w");
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 16);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 2);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 2);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    uint8_t rows[] = {0xf0, 0x01, 0x00, 0xff};
    TIFFWriteEncodedStrip(tiff, 0, rows, sizeof rows);
    TIFFClose(tiff);
    const Image image = load_image(path);
    EXPECT_EQ(image.rgb[0], 0) << compression;
    EXPECT_EQ(image.rgb[3 * 4], 255);
    EXPECT_EQ(image.rgb[3 * 15], 0);
    EXPECT_EQ(image.rgb[3 * 16], 255);
  }
  const TemporaryFolder folder;
  const auto path = folder.path() / "palette.tif";
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  uint16_t colours[3][16] = {};
  colours[0][9] = 0x1234;
  colours[1][9] = 0xffff;
  colours[2][9] = 0x8080;
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 3);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 1);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 4);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_PALETTE);
  TIFFSetField(tiff, TIFFTAG_COLORMAP, colours[0], colours[1], colours[2]);
  uint8_t row[] = {0x09, 0x90};
  TIFFWriteEncodedStrip(tiff, 0, row, sizeof row);
  TIFFClose(tiff);
  EXPECT_EQ(load_image(path).rgb,
            (std::vector<uint8_t>{0, 0, 0, 0x12, 0xff, 0x80, 0x12, 0xff, 0x80}));
}

TEST(Tiff, DividesByAlphaWhatWasMultiplied) {
  const TiffValue multiplied = [](int x, int y, int s) {
    return s == 3 ? value_at(x, y, 3) : value_at(x, y, s) * value_at(x, y, 3);
  };
  for (const int bits : {8, 16}) {
    for (const bool is_multiplied : {false, true}) {
      const TiffKind kind{.bits = bits,
                          .samples = 4,
                          .extra = is_multiplied ? EXTRASAMPLE_ASSOCALPHA : EXTRASAMPLE_UNASSALPHA};
      const Bytes file = make_tiff(kWidth, kHeight, kind, is_multiplied ? multiplied : value_at);
      const DecodedImage image = decode_image(file, "logo.tif");
      EXPECT_LE(largest_difference(image, expected_rgb()), is_multiplied ? 4 : 0);
      EXPECT_NE(image.warning.find("36 % of the picture is transparent"), std::string::npos)
          << image.warning;
      const Image on_white = decode_image(file, "logo.tif", {.background = Colour{255, 255, 255}});
      EXPECT_NEAR(on_white.rgb[0], (20 * 64 + 255 * 191) / 255, 1);
      EXPECT_EQ(on_white.rgb[3 * (kWidth - 1)], colour_at(kWidth - 1, 0, 0));
    }
  }
}

TEST(Tiff, OfOldStyleJpegIsRead) {
  const Image picture = expected_rgb();
  const Bytes jpeg = test::make_jpeg(picture);
  Bytes file;
  const auto put = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) file.push_back(static_cast<std::byte>(value >> 8 * i));
  };
  const auto entry = [&](uint32_t tag, uint32_t type, uint32_t value) {
    put(tag, 2);
    put(type, 2);
    put(1, 4);
    put(value, 4);
  };
  constexpr uint32_t kEntries = 11;
  constexpr uint32_t kShort = 3;
  constexpr uint32_t kLong = 4;
  const uint32_t jpeg_at = 8 + 2 + kEntries * 12 + 4 + 6;
  put(0x002a4949, 4);
  put(8, 4);
  put(kEntries, 2);
  entry(256, kShort, kWidth);
  entry(257, kShort, kHeight);
  put(258, 2), put(kShort, 2), put(3, 4), put(jpeg_at - 6, 4);
  entry(259, kShort, COMPRESSION_OJPEG);
  entry(262, kShort, PHOTOMETRIC_YCBCR);
  entry(273, kLong, jpeg_at);
  entry(277, kShort, 3);
  entry(278, kShort, kHeight);
  entry(279, kLong, static_cast<uint32_t>(jpeg.size()));
  entry(513, kLong, jpeg_at);
  entry(514, kLong, static_cast<uint32_t>(jpeg.size()));
  put(0, 4);
  for (int i = 0; i < 3; ++i) put(8, 2);
  file.insert(file.end(), jpeg.begin(), jpeg.end());
  EXPECT_LE(largest_difference(decode_image(file, "old.tif"), picture), 16);
}

TEST(Tiff, ShowsThePictureAndNotItsThumbnail) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "scan.tif";
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  write_tiff_page(tiff, 8, 8, {.subfile = FILETYPE_REDUCEDIMAGE},
                  [](int, int, int) { return 0.0; });
  write_tiff_page(tiff, kWidth, kHeight, {}, value_at);
  TIFFClose(tiff);
  EXPECT_EQ(largest_difference(load_image(path), expected_rgb()), 0);
  EXPECT_EQ(load_image(path).warning, "");

  const auto below = folder.path() / "below.tif";
  tiff = TIFFOpen(below.c_str(), "w");
  uint64_t place = 0;
  TIFFSetField(tiff, TIFFTAG_SUBIFD, 1, &place);
  write_tiff_page(tiff, 8, 8, {.subfile = FILETYPE_REDUCEDIMAGE},
                  [](int, int, int) { return 0.0; });
  write_tiff_page(tiff, kWidth, kHeight, {}, value_at);  // the SubIFD
  TIFFClose(tiff);
  EXPECT_EQ(largest_difference(load_image(below), expected_rgb()), 0);
  EXPECT_EQ(image_size(below).width, kWidth);
}

TEST(Tiff, SaysWhenOnlyAPreviewOrAFirstPageIsShown) {
  const TemporaryFolder folder;
  const auto raw = folder.path() / "raw.tif";
  TIFF* tiff = TIFFOpen(raw.c_str(), "w");
  uint64_t place = 0;
  TIFFSetField(tiff, TIFFTAG_SUBIFD, 1, &place);
  write_tiff_page(tiff, kWidth, kHeight, {.subfile = FILETYPE_REDUCEDIMAGE}, value_at);
  write_tiff_page(tiff, 64, 64, {.photometric = PHOTOMETRIC_CFA, .samples = 1}, grey_at);
  TIFFClose(tiff);
  const DecodedImage preview = load_image(raw);
  EXPECT_EQ(largest_difference(preview, expected_rgb()), 0);
  EXPECT_NE(preview.warning.find("only a preview of 45 x 37 is shown"), std::string::npos)
      << preview.warning;

  const auto pages = folder.path() / "pages.tif";
  tiff = TIFFOpen(pages.c_str(), "w");
  write_tiff_page(tiff, kWidth, kHeight, {}, value_at);
  write_tiff_page(tiff, 8, 8, {}, value_at);
  TIFFClose(tiff);
  EXPECT_EQ(largest_difference(load_image(pages), expected_rgb()), 0);
  EXPECT_NE(load_image(pages).warning.find("more pages than one"), std::string::npos);
}

TEST(Tiff, IsTurnedUprightByItsTag) {
  const Bytes file = make_tiff(kWidth, kHeight, {.orientation = ORIENTATION_RIGHTTOP}, value_at);
  const Image turned = decode_image(file, "turned.tif");
  EXPECT_EQ(turned.width, kHeight);
  EXPECT_EQ(turned.rgb[1], colour_at(0, kHeight - 1, 1));
  const Image stored = decode_image(file, "turned.tif", {.apply_exif_orientation = false});
  EXPECT_EQ(largest_difference(stored, expected_rgb()), 0);
}

/// The file with a 2-byte value of its first directory replaced.
Bytes with_tag(Bytes file, int tag, uint16_t value) {
  const std::byte wanted[] = {static_cast<std::byte>(tag & 0xff),
                              static_cast<std::byte>(tag >> 8),
                              std::byte{3},
                              std::byte{0},
                              std::byte{1},
                              std::byte{0}};
  const auto entry = std::search(file.begin(), file.end(), std::begin(wanted), std::end(wanted));
  EXPECT_NE(entry, file.end());
  entry[8] = static_cast<std::byte>(value & 0xff);
  entry[9] = static_cast<std::byte>(value >> 8);
  return file;
}

TEST(Tiff, IsRefusedByNameWhenItCantBeShown) {
  const Bytes plain = make_tiff(kWidth, kHeight, {}, value_at);
  const auto expect_refused = [&](const Bytes& file, const std::string& part) {
    const std::string message = expect_input_error([&] { decode_image(file, "odd.tif"); }, part);
    EXPECT_TRUE(message.starts_with("odd.tif: TIFF with ")) << message;
  };
  expect_refused(with_tag(plain, TIFFTAG_COMPRESSION, 61234), "compression number 61234");
  const Bytes grey =
      make_tiff(kWidth, kHeight, {.photometric = PHOTOMETRIC_MINISBLACK, .samples = 1}, grey_at);
  expect_refused(with_tag(grey, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_CFA), "a camera's raw pixels");
  expect_refused(with_tag(grey, TIFFTAG_PHOTOMETRIC, 4711), "colours of kind 4711");
  const Bytes floats = make_tiff(kWidth, kHeight,
                                 {.photometric = PHOTOMETRIC_MINISBLACK,
                                  .bits = 64,
                                  .format = SAMPLEFORMAT_IEEEFP,
                                  .samples = 1},
                                 grey_at);
  expect_refused(with_tag(floats, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_COMPLEXIEEEFP),
                 "complex numbers");
}

TEST(Tiff, ThatIsCutIsRefusedAsCut) {
  for (const bool tiles : {false, true}) {
    const Bytes whole =
        make_tiff(kWidth, kHeight, {.compression = COMPRESSION_LZW, .tiles = tiles}, value_at);
    for (const size_t part : {2U, 3U, 4U}) {  // the directory is behind the pixels
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.size() / part));
      expect_input_error([&] { decode_image(cut, "cut.tif"); },
                         "cut.tif: broken TIFF: it breaks off");
    }
  }
}

TEST(Tiff, ThatClaimsMuchIsRefusedBeforeItIsRead) {
  Bytes file = make_tiff(kWidth, kHeight, {}, value_at);
  file = with_tag(with_tag(std::move(file), TIFFTAG_IMAGEWIDTH, 60000), TIFFTAG_IMAGELENGTH, 60000);
  expect_input_error([&] { decode_image(file, "bomb.tif"); }, "claims 60000 x 60000 pixels");
  file = with_tag(std::move(file), TIFFTAG_IMAGELENGTH, 2000);
  const DecodeOptions options{.max_bytes = int64_t{100} << 20};
  expect_input_error([&] { decode_image(file, "bomb.tif", options); }, "MB of memory");
}

}  // namespace
}  // namespace owl3
