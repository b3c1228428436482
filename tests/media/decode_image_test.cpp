// Orientation, and files that are cut short, hostile or of no known kind.
#include <png.h>

#include <algorithm>
#include <functional>

#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;
using Bytes = std::vector<std::byte>;

void append(Bytes& bytes, const std::string& text) {
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}

std::string number(uint32_t value, int size, bool big_endian) {
  std::string text;
  for (int i = 0; i < size; ++i) {
    text += static_cast<char>(value >> 8 * (big_endian ? size - 1 - i : i));
  }
  return text;
}

/// An EXIF block of two entries, the second one the orientation.
std::string exif_block(int orientation, bool big_endian) {
  const auto u16 = [&](uint32_t value) { return number(value, 2, big_endian); };
  const auto u32 = [&](uint32_t value) { return number(value, 4, big_endian); };
  return (big_endian ? "MM" : "II") + u16(42) + u32(8) + u16(2) +  //
         u16(0x0100) + u16(4) + u32(1) + u32(3) +                  // a width
         u16(0x0112) + u16(3) + u32(1) + u16(static_cast<uint32_t>(orientation)) + u16(0) + u32(0);
}

std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return number(static_cast<uint32_t>(data.size()), 4, true) + body +
         number(static_cast<uint32_t>(crc), 4, true);
}

/// Pixel (x, y) is {x, y, 7}.
Image make_ramp(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb.insert(image.rgb.end(), {static_cast<uint8_t>(x), static_cast<uint8_t>(y), 7});
    }
  }
  return image;
}

Bytes make_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  Bytes bytes(size);
  EXPECT_NE(png_image_write_to_memory(&png, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr),
            0);
  bytes.resize(size);
  return bytes;
}

Bytes with_inserted(const Bytes& bytes, size_t at, const std::string& text) {
  Bytes result(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(at));
  append(result, text);
  result.insert(result.end(), bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end());
  return result;
}

constexpr size_t kPngEndChunk = 12;

TEST(Orientation, TurnsAllEightUprightFromPng) {
  const Bytes png = make_png(make_ramp(3, 2));
  // The stored pixel that comes to the upper left, and the one to its right, for 1..8.
  const int corner[8][2] = {{0, 0}, {2, 0}, {2, 1}, {0, 1}, {0, 0}, {0, 1}, {2, 1}, {2, 0}};
  const int right[8][2] = {{1, 0}, {1, 0}, {1, 1}, {1, 1}, {0, 1}, {0, 0}, {2, 0}, {2, 1}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const std::string chunk = png_chunk("eXIf", exif_block(orientation, big_endian));
      const Bytes file = with_inserted(png, png.size() - kPngEndChunk, chunk);
      const Image image = decode_image(file, "ramp.png");
      EXPECT_EQ(image.width, orientation < 5 ? 3 : 2);
      EXPECT_EQ(image.height, orientation < 5 ? 2 : 3);
      EXPECT_EQ(image.rgb[0], corner[orientation - 1][0]) << orientation;
      EXPECT_EQ(image.rgb[1], corner[orientation - 1][1]) << orientation;
      EXPECT_EQ(image.rgb[3], right[orientation - 1][0]) << orientation;
      EXPECT_EQ(image.rgb[4], right[orientation - 1][1]) << orientation;
      const Image stored = decode_image(file, "ramp.png", {.apply_exif_orientation = false});
      EXPECT_EQ(stored.rgb, make_ramp(3, 2).rgb);
    }
  }
}

/// The file turned by orientation 6 must be `stored`, clockwise.
void expect_turned_clockwise(const Bytes& file, const std::string& name) {
  const Image stored = decode_image(file, name, {.apply_exif_orientation = false});
  const Image turned = decode_image(file, name);
  ASSERT_EQ(turned.width, stored.height) << name;
  ASSERT_EQ(turned.height, stored.width) << name;
  for (int y = 0; y < turned.height; ++y) {
    for (int x = 0; x < turned.width; ++x) {
      const uint8_t* a = turned.rgb.data() + (y * turned.width + x) * 3;
      const uint8_t* b = stored.rgb.data() + ((stored.height - 1 - x) * stored.width + y) * 3;
      ASSERT_TRUE(std::equal(a, a + 3, b)) << name << " " << x << " " << y;
    }
  }
}

TEST(Orientation, IsReadFromJpeg) {
  const Bytes jpeg = test::read_file(data_file("images/08-RGB-200x150.jpg"));
  const std::string exif = std::string("Exif\0\0", 6) + exif_block(6, true);
  const std::string segment =
      "\xff\xe1" + number(static_cast<uint32_t>(exif.size() + 2), 2, true) + exif;
  expect_turned_clockwise(with_inserted(jpeg, 2, segment), "turned.jpg");
}

TEST(Orientation, IsReadFromWebp) {
  const Bytes webp = test::read_file(data_file("images/14-RGB-215x145.webp"));
  const std::string exif = exif_block(6, false);
  std::string body = "WEBPVP8X" + number(10, 4, false) + number(8, 4, false) +
                     number(214, 3, false) + number(144, 3, false);
  body.append(reinterpret_cast<const char*>(webp.data()) + 12, webp.size() - 12);
  body += "EXIF" + number(static_cast<uint32_t>(exif.size()), 4, false) + exif;
  Bytes file;
  append(file, "RIFF" + number(static_cast<uint32_t>(body.size()), 4, false) + body);
  expect_turned_clockwise(file, "turned.webp");
}

TEST(Orientation, IsReadFromTiff) {
  const auto u16 = [](uint32_t value) { return number(value, 2, false); };
  const auto u32 = [](uint32_t value) { return number(value, 4, false); };
  const auto entry = [&](uint32_t tag, uint32_t value) {
    return u16(tag) + u16(3) + u32(1) + u32(value);
  };
  const std::string header = "II" + u16(42) + u32(8) + u16(10);
  const uint32_t pixels = 8 + 2 + 10 * 12 + 4 + 6;
  const uint32_t depths = pixels - 6;
  Bytes file;
  append(file, header + entry(256, 4) + entry(257, 3) + u16(258) + u16(3) + u32(3) + u32(depths) +
                   entry(259, 1) + entry(262, 2) + entry(273, pixels) + entry(274, 6) +
                   entry(277, 3) + entry(278, 3) + entry(279, 36) + u32(0) + u16(8) + u16(8) +
                   u16(8));
  for (int i = 0; i < 36; ++i) file.push_back(static_cast<std::byte>(i * 5));
  expect_turned_clockwise(file, "turned.tiff");
}

TEST(Orientation, IgnoresBrokenExif) {
  const Bytes png = make_png(make_ramp(3, 2));
  const std::string whole = exif_block(6, true);
  for (size_t size = 0; size + 8 < whole.size(); ++size) {
    const Bytes file =
        with_inserted(png, png.size() - kPngEndChunk, png_chunk("eXIf", whole.substr(0, size)));
    const Image image = decode_image(file, "ramp.png");
    EXPECT_TRUE(image.width == 3 || size >= 32) << size;
  }
  for (const int orientation : {0, 9, 65535}) {
    const Bytes file = with_inserted(png, png.size() - kPngEndChunk,
                                     png_chunk("eXIf", exif_block(orientation, true)));
    EXPECT_EQ(decode_image(file, "ramp.png").width, 3);
  }
  std::string far = whole;
  far.replace(4, 4, "\xff\xff\xff\xff");  // the directory lies beyond the end
  const Bytes file = with_inserted(png, png.size() - kPngEndChunk, png_chunk("eXIf", far));
  EXPECT_EQ(decode_image(file, "ramp.png").width, 3);
}

const char* const kOneOfEachKind[] = {
    "04-P-97x61.png",      "06-I16-33x240.png",  "08-RGB-200x150.jpg",  "09-RGB-256x256.jpg",
    "11-CMYK-311x703.jpg", "13-RGB-85x215.webp", "14-RGB-215x145.webp", "15-RGBA-246x111.webp",
    "16-RGB-244x263.bmp",  "17-P-94x259.gif",    "18-RGB-271x121.tiff", "20-RGB-190x300.png"};

TEST(DecodeImage, KeepsTheHighByteOf16BitGrey) {
  const Image image = load_image(data_file("images/06-I16-33x240.png"));
  EXPECT_EQ(image.width, 33);
  const auto [low, high] = std::minmax_element(image.rgb.begin(), image.rgb.end());
  EXPECT_LT(*low, 32);
  EXPECT_GT(*high, 223);
}

TEST(DecodeImage, RefusesTruncatedFilesByName) {
  for (const std::string name : kOneOfEachKind) {
    const Bytes whole = test::read_file(data_file("images/" + name));
    for (const double part : {0.0, 0.01, 0.1, 0.5, 0.9}) {
      Bytes bytes = whole;
      bytes.resize(static_cast<size_t>(static_cast<double>(whole.size()) * part));
      expect_input_error([&] { decode_image(bytes, name); }, name);
    }
  }
}

TEST(DecodeImage, RefusesAJpegWithoutItsEnd) {
  Bytes bytes = test::read_file(data_file("images/08-RGB-200x150.jpg"));
  bytes.resize(bytes.size() - 200);
  expect_input_error([&] { decode_image(bytes, "cut.jpg"); }, "cut.jpg: broken JPEG");
}

TEST(DecodeImage, EnforcesThePixelLimit) {
  for (const std::string name : kOneOfEachKind) {
    const Bytes bytes = test::read_file(data_file("images/" + name));
    expect_input_error([&] { decode_image(bytes, name, {.max_pixels = 1000}); }, name);
  }
}

TEST(DecodeImage, AllocatesNothingForALyingSize) {
  Bytes png = make_png(make_ramp(3, 2));
  const std::string header =
      number(900'000, 4, true) + number(900'000, 4, true) + std::string("\x08\x02\0\0\0", 5);
  Bytes lying(png.begin(), png.begin() + 8);
  append(lying, png_chunk("IHDR", header));
  lying.insert(lying.end(), png.begin() + 33, png.end());
  expect_input_error([&] { decode_image(lying, "bomb.png"); }, "900000 x 900000");
}

TEST(DecodeImage, RefusesWhatIsNoImageInOneLine) {
  const auto decode = [](const std::string& text) {
    return [text] {
      Bytes bytes;
      append(bytes, text);
      decode_image(bytes, "some.file");
    };
  };
  expect_input_error(decode(""), "some.file: the file is empty");
  expect_input_error(decode("hello, world\n"), "some.file: not an image");
  expect_input_error(decode("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), "not an image");
  expect_input_error(decode("ffconcat version 1.0\nfile 'x.png'\n"), "only names other files");
  expect_input_error(decode(std::string("\xff\x0a\x10\0\0\0\0\0", 8)), "broken JPEG XL");
  expect_input_error(decode("<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"), "not an image");
  const auto film = test::read_file(data_file("media/h264-long-gop.mp4"));
  expect_input_error([&] { decode_image(film, "film.mp4"); }, "given as a video (--video)");
  const std::string fits = "SIMPLE  =                    T" + std::string(50, ' ');
  expect_input_error(decode(fits), "FITS images are not read");
  const test::TemporaryFolder folder;
  expect_input_error([&] { load_image(folder.path() / "none.png"); }, "none.png");
  expect_input_error([&] { load_image(folder.path()); }, "not a regular file");
}

TEST(DecodeImage, SaysOfWhatItCantDecodeThatItCantAndNotThatItIsBroken) {
  Bytes jpeg = test::read_file(data_file("images/08-RGB-200x150.jpg"));
  const std::byte frame[] = {std::byte{0xff}, std::byte{0xc0}};
  const auto header = std::search(jpeg.begin(), jpeg.end(), std::begin(frame), std::end(frame));
  ASSERT_NE(header, jpeg.end());
  const std::byte depth = header[4];
  header[4] = std::byte{12};
  expect_input_error(
      [&] { decode_image(jpeg, "deep.jpg"); },
      "deep.jpg: JPEG that can't be decoded here: Unsupported JPEG data precision 12");
  header[4] = depth;
  header[1] = std::byte{0xc3};
  expect_input_error([&] { decode_image(jpeg, "lossless.jpg"); },
                     "lossless.jpg: JPEG that can't be decoded here: Unsupported JPEG process");
}

TEST(DecodeImage, SaysWhatAFileThatIsNoImageSeemsToBe) {
  Bytes sound;  // frames of MPEG layer 3
  for (int i = 0; i < 20; ++i) {
    append(sound, std::string("\xff\xfb\x90\x00", 4) + std::string(413, '\0'));
  }
  const std::string message =
      expect_input_error([&] { decode_image(sound, "song.jpg"); }, "song.jpg: not an image");
  EXPECT_EQ(message.find("given as a video"), std::string::npos) << message;
  const std::string text =
      expect_input_error([&] { decode_image(Bytes(300, std::byte{7}), "x.jpg"); }, "not an image");
  EXPECT_EQ(text.find("given as a video"), std::string::npos) << text;
}

TEST(DecodeImage, TellsABrokenPictureFromOneThatIsTooLarge) {
  std::string header = "P6\n30 20\n255\n";
  Bytes cut;
  append(cut, header + std::string(500, 'x'));
  const std::string broken = expect_input_error([&] { decode_image(cut, "a.ppm"); }, "a.ppm: ");
  EXPECT_EQ(broken.find("too large"), std::string::npos) << broken;
  EXPECT_NE(broken.find("can't be decoded"), std::string::npos) << broken;
  Bytes png = make_png(make_ramp(3, 2));
  Bytes wide(png.begin(), png.begin() + 8);
  append(wide, png_chunk("IHDR", number(2'000'000, 4, true) + number(1, 4, true) +
                                     std::string("\x08\x02\0\0\0", 5)));
  wide.insert(wide.end(), png.begin() + 33, png.end());
  expect_input_error([&] { decode_image(wide, "wide.png"); }, "1000000 a side");
}

TEST(ImageSize, IsThatOfTheDecodedImage) {
  for (const auto& file : std::filesystem::directory_iterator(data_file("images"))) {
    const std::string extension = file.path().extension();
    if (extension == ".gz" || extension == ".json" || extension == ".md") continue;
    const Image image = load_image(file.path());
    const ImageSize size = image_size(file.path());
    EXPECT_EQ(size.width, image.width) << file;
    EXPECT_EQ(size.height, image.height) << file;
  }
}

TEST(ImageSize, IsThatOfTheUprightImageUnlessAskedOtherwise) {
  const Bytes png = make_png(make_ramp(3, 2));
  const std::string turn = png_chunk("eXIf", exif_block(6, true));
  constexpr size_t kSignatureAndHeader = 33;
  // Behind the pixels, and before them.
  for (const size_t at : {png.size() - kPngEndChunk, kSignatureAndHeader}) {
    const Bytes turned = with_inserted(png, at, turn);
    EXPECT_EQ(image_size(turned, "ramp.png").width, 2);
    EXPECT_EQ(image_size(turned, "ramp.png").height, 3);
    EXPECT_EQ(image_size(turned, "ramp.png", {.apply_exif_orientation = false}).width, 3);
  }
}

/// The file with damages of many kinds, one of which will be in its pixels alone.
std::vector<Bytes> damaged(const Bytes& file) {
  std::vector<Bytes> files = {Bytes(file.begin(), file.begin() + file.size() * 2 / 3)};
  constexpr size_t kPlaces = 24;
  for (size_t place = 1; place < kPlaces; ++place) {
    files.push_back(file);
    const size_t begin = file.size() * place / kPlaces;
    for (size_t i = begin; i < std::min(begin + 6, file.size()); ++i) {
      files.back()[i] ^= std::byte{0x5a};
    }
  }
  return files;
}

bool is_refused(const std::function<void()>& read) {
  try {
    read();
    return false;
  } catch (const InputError&) {
    return true;
  }
}

TEST(ImageSize, OfNoKindIsFoundByDecoding) {
  const auto corpus = std::filesystem::path(OWL3_SOURCE_DIR) / "tests/fuzz/corpus/image";
  for (const char* name : {"two-frames.gif", "lzw.tiff", "turned.avif", "todays-phone.heic",
                           "lossless.webp", "lossless.jxl", "picture.ppm"}) {
    SCOPED_TRACE(name);
    const Bytes file = test::read_file(corpus / name);
    const Image image = decode_image(file, name);
    const auto decodes = [&](const Bytes& bytes) {
      return !is_refused([&] { decode_image(bytes, name); });
    };
    const auto has_its_size = [&](const Bytes& bytes) {
      ImageSize size;
      return !is_refused([&] { size = image_size(bytes, name); }) && size.width == image.width &&
             size.height == image.height;
    };
    const std::vector<Bytes> files = damaged(file);
    EXPECT_TRUE(std::any_of(files.begin(), files.end(), [&](const Bytes& bytes) {
      return has_its_size(bytes) && !decodes(bytes);
    }));
  }
}

TEST(ImageSize, RefusesWhatTheHeaderShowsToBeWrong) {
  const Bytes png = make_png(make_ramp(3, 2));
  expect_input_error([&] { image_size(png, "ramp.png", {.max_pixels = 5}); }, "3 x 2 pixels");
  expect_input_error([&] { image_size(Bytes(png.begin(), png.begin() + 20), "ramp.png"); },
                     "breaks off");
  expect_input_error([&] { image_size(Bytes(), "ramp.png"); }, "the file is empty");
}

TEST(DecodeImage, KeepsTheColourOfTransparentGifPixels) {
  Bytes gif;  // 1 x 1, palette {10, 20, 30} and {0, 0, 0}, pixel 0, transparent colour 0
  append(gif, std::string("GIF89a\1\0\1\0\x80\0\0\x0a\x14\x1e\0\0\0"
                          "!\xf9\4\1\0\0\0\0"
                          ",\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
                          43));
  const Image image = decode_image(gif, "clear.gif");
  EXPECT_EQ(image.rgb, (std::vector<uint8_t>{10, 20, 30}));
}

}  // namespace
}  // namespace owl3
