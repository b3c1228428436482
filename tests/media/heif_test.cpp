// HEIC and AVIF: what their boxes say of a picture is done to it.
#include <algorithm>

#include "heif_writer.h"
#include "media/image.h"
#include "media/image_kinds.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::expect_input_error;
using Bytes = std::vector<std::byte>;

constexpr const char* kAlpha = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";

/// A letter for the colour of each quarter of the picture, left to right and down: "rgbw".
std::string quarters(const Image& image) {
  std::string letters;
  for (const int y : {image.height / 4, image.height * 3 / 4}) {
    for (const int x : {image.width / 4, image.width * 3 / 4}) {
      const uint8_t* pixel = image.rgb.data() + 3 * (y * image.width + x);
      const auto is = [&](int r, int g, int b) {
        return std::abs(pixel[0] - r) <= 3 && std::abs(pixel[1] - g) <= 3 &&
               std::abs(pixel[2] - b) <= 3;
      };
      letters += is(255, 0, 0)       ? 'r'
                 : is(0, 255, 0)     ? 'g'
                 : is(0, 0, 255)     ? 'b'
                 : is(255, 255, 0)   ? 'y'
                 : is(255, 255, 255) ? 'w'
                                     : '?';
    }
  }
  return letters;
}

std::string quarters(const Bytes& file, int width, int height) {
  const Image image = decode_image(file, "picture.heic");
  EXPECT_EQ(image.width, width);
  EXPECT_EQ(image.height, height);
  const ImageSize size = image_size(file, "picture.heic");
  EXPECT_EQ(size.width, width);
  EXPECT_EQ(size.height, height);
  return quarters(image);
}

/// The quadrants with more properties.
Bytes with(const std::vector<std::string>& properties, test::HeifPart part) {
  part.properties.insert(part.properties.end(), properties.begin(), properties.end());
  return test::write_heif({.parts = {std::move(part)}});
}

std::vector<test::HeifPart> every_coding() {
  return {test::coded_hevc("quadrants.hevc"), test::coded_hevc("quadrants-10.hevc"),
          test::coded_av1("quadrants.obu"), test::coded_h264("quadrants.h264")};
}

TEST(Heif, IsTurnedAndMirroredAsItSaysAtEveryDepth) {
  for (const test::HeifPart& part : every_coding()) {
    EXPECT_EQ(quarters(with({}, part), 64, 48), "rgbw");
    EXPECT_EQ(quarters(with({test::irot(0)}, part), 64, 48), "rgbw");
    EXPECT_EQ(quarters(with({test::irot(1)}, part), 48, 64), "gwrb");
    EXPECT_EQ(quarters(with({test::irot(2)}, part), 64, 48), "wbgr");
    EXPECT_EQ(quarters(with({test::irot(3)}, part), 48, 64), "brwg");
    EXPECT_EQ(quarters(with({test::imir(0)}, part), 64, 48), "bwrg");
    EXPECT_EQ(quarters(with({test::imir(1)}, part), 64, 48), "grwb");
    // In the order in which they stand.
    EXPECT_EQ(quarters(with({test::irot(1), test::imir(1)}, part), 48, 64), "wgbr");
    EXPECT_EQ(quarters(with({test::imir(1), test::irot(1)}, part), 48, 64), "rbgw");
  }
}

TEST(Heif, IsCroppedAsItSays) {
  for (const test::HeifPart& part : every_coding()) {
    EXPECT_EQ(quarters(with({test::clap(32, 24, 32, 24)}, part), 32, 24), "wwww");
    EXPECT_EQ(quarters(with({test::clap(32, 48, -32, 0)}, part), 32, 48), "rrbb");
    EXPECT_EQ(quarters(with({test::clap(33, 25, 1, 1)}, part), 33, 25), "rgbw");
    EXPECT_EQ(quarters(with({test::clap(32, 48, 32, 0), test::irot(3)}, part), 48, 32), "wgwg");
  }
  const test::HeifPart part = test::coded_hevc("quadrants.hevc");
  // As far as there is a picture.
  EXPECT_EQ(quarters(with({test::clap(64, 48, 64, 0)}, part), 32, 48), "ggww");
  expect_input_error([&] { decode_image(with({test::clap(64, 48, 200, 0)}, part), "x.heic"); },
                     "x.heic: broken HEIF image: nothing is left by its crop");
  expect_input_error(
      [&] { decode_image(with({test::box("clap", std::string(32, '\0'))}, part), "x.heic"); },
      "divided by 0");
}

test::HeifContents grid_of(const std::string& data, const std::vector<std::string>& properties) {
  test::HeifContents contents;
  contents.parts = {{"grid", data, properties}};
  contents.references = {{"dimg", 1, {2, 3, 4, 5}}};
  for (const char* tile : {"yellow.hevc", "quadrants.hevc", "quadrants.hevc", "yellow.hevc"}) {
    contents.parts.push_back(test::coded_hevc(tile));
  }
  return contents;
}

TEST(Heif, IsPutTogetherOfTilesAsFarAsItReaches) {
  const std::string data = test::grid_data(2, 2, 108, 84);
  const Bytes file = test::write_heif(grid_of(data, {test::ispe(108, 84)}));
  const Image image = decode_image(file, "grid.heic");
  EXPECT_EQ(quarters(file, 108, 84), "yrry");
  const auto pixel = [&](int x, int y) {
    const uint8_t* rgb = image.rgb.data() + 3 * (y * image.width + x);
    return std::vector<int>{rgb[0] > 127, rgb[1] > 127, rgb[2] > 127};
  };
  EXPECT_EQ(pixel(68, 4), (std::vector{1, 0, 0}));
  EXPECT_EQ(pixel(104, 4), (std::vector{0, 1, 0}));
  EXPECT_EQ(pixel(4, 52), (std::vector{1, 0, 0}));
  EXPECT_EQ(pixel(4, 80), (std::vector{0, 0, 1}));
  EXPECT_EQ(pixel(104, 80), (std::vector{1, 1, 0}));
  EXPECT_EQ(quarters(test::write_heif(grid_of(data, {test::irot(1)})), 84, 108), "ryyr");
  EXPECT_EQ(quarters(load_image(data_file("heif/grid.avif"))), "rgbw");
}

TEST(Heif, RefusesGridsThatDoNotFit) {
  const auto refused = [](int rows, int columns, int width, int height, const char* why) {
    const Bytes file = test::write_heif(grid_of(test::grid_data(rows, columns, width, height), {}));
    expect_input_error([&] { decode_image(file, "grid.heic"); }, why);
  };
  refused(2, 3, 120, 90, "3 x 2 tiles, of which 4 are named");
  refused(2, 2, 200, 90, "do not cover");
  refused(2, 2, 0, 90, "its size is 0 x 90");
  refused(2, 2, 65535, 65535, "65535 x 65535 pixels; the limit");
  test::HeifContents odd = grid_of(test::grid_data(2, 2, 108, 84), {});
  odd.parts[2].properties.push_back(test::irot(1));
  expect_input_error([&] { decode_image(test::write_heif(odd), "x.heic"); }, "not of one size");
  test::HeifContents nested = grid_of(test::grid_data(2, 2, 108, 84), {});
  nested.parts[1] = nested.parts[0];
  nested.references.push_back({"dimg", 2, {1, 1, 1, 1}});
  expect_input_error([&] { decode_image(test::write_heif(nested), "x.heic"); }, "tiles themselves");
}

TEST(Heif, EndsSoonThoughAFileNamesATileManyTimes) {
  // 60,000 tiles in a file of 120 kB, each a pixel of a picture that is small.
  test::HeifContents contents;
  contents.parts = {{"grid", test::grid_data(250, 240, 240, 250), {}},
                    test::coded_hevc("yellow.hevc")};
  contents.parts[1].properties.push_back(test::clap(1, 1, 0, 0));
  contents.references = {{"dimg", 1, std::vector<int>(60'000, 2)}};
  const Bytes file = test::write_heif(contents);
  expect_input_error([&] { decode_image(file, "x.heic", {.max_pixels = 100'000}); },
                     "x.heic: broken HEIF image: its tiles are too many");
}

TEST(Heif, RefusesPicturesDerivedOfThemselvesOrOfNothing) {
  for (const std::vector<int>& of : {std::vector{1}, std::vector{2}, std::vector{9}, {}}) {
    test::HeifContents contents;
    contents.parts = {{"iden", "", {}}, {"Exif", "1234", {}}};
    contents.references = {{"dimg", 1, of}};
    const Bytes file = test::write_heif(contents);
    expect_input_error([&] { decode_image(file, "loop.heic"); }, "loop.heic: ");
    expect_input_error([&] { image_size(file, "loop.heic"); }, "loop.heic: ");
  }
}

TEST(Heif, ShowsThePrimaryPictureAndNotItsThumbnailMapOrOrientationOfExif) {
  EXPECT_EQ(quarters(load_image(data_file("heif/thumbnail.heic"))), "rgbw");
  // As today's phones write them: one gain map and one block of EXIF for two pictures, the second
  // made of the first and the map.
  const std::string exif = test::big_endian(0, 4) + "MM" + test::big_endian(42, 2) +
                           test::big_endian(8, 4) + test::big_endian(1, 2) +
                           test::big_endian(0x0112, 2) + test::big_endian(3, 2) +
                           test::big_endian(1, 4) + test::big_endian(6, 2) +
                           test::big_endian(0, 2) + test::big_endian(0, 4);
  test::HeifContents contents;
  contents.parts = {test::coded_hevc("quadrants.hevc"),
                    test::coded_hevc("yellow.hevc"),
                    {"tmap", std::string(20, '\0'), {test::ispe(64, 48)}},
                    {"Exif", exif, {}},
                    test::coded_hevc("yellow.hevc")};
  contents.parts[1].properties.push_back(test::auxc("urn:com:apple:photo:2020:aux:hdrgainmap"));
  contents.references = {
      {"auxl", 2, {1, 3}}, {"dimg", 3, {1, 2}}, {"cdsc", 4, {1, 3}}, {"thmb", 5, {1}}};
  contents.other_brands = "mif1MiHEMiPrmiafheictmap";
  EXPECT_EQ(quarters(test::write_heif(contents), 64, 48), "rgbw");
  contents.primary = 3;
  EXPECT_EQ(quarters(test::write_heif(contents), 64, 48), "rgbw");
  contents.primary = 5;
  EXPECT_EQ(quarters(test::write_heif(contents), 64, 48), "yyyy");
}

TEST(Heif, IsReadByAnyOfItsBrandsAndFromItsMetaBox) {
  for (const char* brand : {"mif1", "mif2", "msf1", "heic", "heix", "heim", "heis", "hevc", "hevx",
                            "avif", "avis", "miaf"}) {
    test::HeifContents contents{{test::coded_hevc("quadrants.hevc")}, {}, brand, ""};
    const Bytes file = test::write_heif(contents);
    EXPECT_EQ(quarters(file, 64, 48), "rgbw") << brand;
    EXPECT_TRUE(begins_like_an_image(std::span(file).first(32))) << brand;
    contents.main_brand = "abcd";
    contents.other_brands = "miafmif1";
    contents.data_in_meta = true;
    EXPECT_EQ(quarters(test::write_heif(contents), 64, 48), "rgbw");
  }
}

TEST(Heif, HasTheColoursThatItsFileNames) {
  const auto first_pixel = [](const std::string& colour, const char* picture) {
    std::vector<std::string> properties;
    if (!colour.empty()) properties.push_back(colour);
    const Image image = decode_image(with(properties, test::coded_hevc(picture)), "x.heic");
    return std::vector<int>(image.rgb.begin(), image.rgb.begin() + 3);
  };
  const auto near = [](const std::vector<int>& found, const std::vector<int>& wanted) {
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], wanted[i], 3);
  };
  near(first_pixel("", "quadrants.hevc"), {255, 0, 0});
  near(first_pixel(test::nclx(1, 13, 6, true), "quadrants.hevc"), {255, 0, 0});
  near(first_pixel(test::nclx(1, 13, 1, true), "quadrants.hevc"), {255, 25, 0});  // as BT.709
  near(first_pixel(test::nclx(2, 2, 2, true), "quadrants.hevc"), {255, 0, 0});
  near(first_pixel(test::nclx(999, 999, 999, true), "quadrants.hevc"), {255, 0, 0});
  near(first_pixel(test::nclx(1, 13, 6, true), "paper-10.hevc"), {148, 148, 148});
  near(first_pixel(test::nclx(9, 16, 9, true), "paper-10.hevc"), {251, 251, 251});  // PQ
  near(first_pixel(test::box("colr", "prof and so on"), "quadrants.hevc"), {255, 0, 0});
}

TEST(Heif, HasItsColoursBackFromBeforeTheyWereMultipliedByAlpha) {
  EXPECT_EQ(quarters(load_image(data_file("heif/premultiplied.avif"))), "rgbw");
  test::HeifContents contents;
  contents.parts = {test::coded_hevc("quadrants.hevc"), test::coded_hevc("half-clear.hevc")};
  contents.parts[1].properties.push_back(test::auxc(kAlpha));
  contents.references = {{"auxl", 2, {1}}};
  EXPECT_EQ(quarters(test::write_heif(contents), 64, 48), "rgbw");
  const DecodedImage laid =
      decode_image(test::write_heif(contents), "x.heic", {.background = Colour{0, 0, 0}});
  EXPECT_NEAR(laid.rgb[0], 128, 2);           // red, half of it there
  EXPECT_NEAR(laid.rgb[3 * 40 + 1], 255, 2);  // lime
  EXPECT_EQ(laid.warning, "");
  contents.parts[0] = test::coded_hevc("paper-10.hevc");
  const Image as_it_is = decode_image(test::write_heif(contents), "x.heic");
  contents.references.push_back({"prem", 1, {2}});
  const Image divided = decode_image(test::write_heif(contents), "x.heic");
  EXPECT_NEAR(as_it_is.rgb[0], 148, 2);
  EXPECT_EQ(divided.rgb[0], 255);                        // 148 / 0.5
  EXPECT_EQ(divided.rgb[3 * 40], as_it_is.rgb[3 * 40]);  // 148 / 1
  contents.parts[1].properties[0] = test::ispe(32, 48);  // not of its picture
  EXPECT_EQ(decode_image(test::write_heif(contents), "x.heic").rgb, as_it_is.rgb);
}

TEST(Heif, MayHoldAJpeg) {
  const Bytes jpeg = test::read_file(data_file("images/08-RGB-200x150.jpg"));
  const std::string data(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
  const test::HeifPart part{"jpeg", data, {test::ispe(200, 150)}};
  const Image image = decode_image(test::write_heif({.parts = {part}}), "x.heif");
  const Image plain = decode_image(jpeg, "x.jpg");
  ASSERT_EQ(image.rgb.size(), plain.rgb.size());
  int64_t difference = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i) difference += std::abs(image.rgb[i] - plain.rgb[i]);
  EXPECT_LT(difference, static_cast<int64_t>(image.rgb.size()) * 2);
}

TEST(Heif, NamesACodingThatIsNotRead) {
  for (const auto& [type, name] : {std::pair{"vvc1", "VVC"},
                                   {"j2k1", "JPEG 2000"},
                                   {"unci", "uncompressed"},
                                   {"xyz9", "xyz9"}}) {
    test::HeifPart part = test::coded_hevc("quadrants.hevc");
    part.type = type;
    const Bytes file = test::write_heif({.parts = {part}});
    expect_input_error([&] { decode_image(file, "x.heic"); }, name);
    expect_input_error([&] { image_size(file, "x.heic"); }, name);
  }
}

TEST(Heif, RefusesSizesThatLie) {
  const auto decode = [](int width, int height, int64_t max_pixels) {
    const test::HeifPart part = test::coded_hevc("quadrants.hevc", width, height);
    return decode_image(test::write_heif({.parts = {part}}), "x.heic", {.max_pixels = max_pixels});
  };
  expect_input_error([&] { decode(70'000, 70'000, kMaxPixels); },
                     "70000 x 70000 pixels; the limit");
  expect_input_error([&] { decode(128, 48, kMaxPixels); }, "64 x 48 pixels are coded where");
  expect_input_error([&] { decode(0, 48, kMaxPixels); }, "its size is 0 x 48");
  expect_input_error([&] { decode(64, 48, 3071); }, "64 x 48 pixels; the limit");
  expect_input_error([&] { decode(8, 8, 100); }, "x.heic: ");  // more are coded than are claimed
  EXPECT_EQ(decode(64, 48, 3072).width, 64);
  EXPECT_EQ(decode(63, 47, kMaxPixels).width, 63);  // the rest fills blocks
}

TEST(Heif, WhosePixelsEndWithZerosIsShownWithAWarning) {
  test::HeifPart part = test::coded_hevc("quadrants.hevc");
  constexpr size_t kMissing = 100;
  part.data.replace(part.data.size() - kMissing, kMissing, kMissing, '\0');
  const std::string warning =
      decode_image(test::write_heif({.parts = {std::move(part)}}), "x.heic").warning;
  EXPECT_NE(warning.find("perhaps a download that was not finished"), std::string::npos) << warning;
}

TEST(Heif, RefusesWhatIsCutShortInOneLine) {
  const Bytes files[] = {test::write_heif({.parts = {test::coded_hevc("quadrants-10.hevc")}}),
                         test::write_heif(grid_of(test::grid_data(2, 2, 108, 84), {})),
                         test::read_file(data_file("heif/premultiplied.avif")),
                         test::read_file(data_file("heif/thumbnail.heic"))};
  for (const Bytes& file : files) {
    constexpr size_t kBrand = 12;
    // The last picture may be one that is not looked at.
    for (size_t size = kBrand; size < file.size() * 3 / 4; size += 3) {
      const Bytes cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      expect_input_error([&] { decode_image(cut, "cut.heic"); }, "cut.heic: broken HEIF image: it");
    }
  }
}

TEST(Heif, SurvivesAnyByteOfItsBoxesChanged) {
  const test::HeifContents grid =
      grid_of(test::grid_data(2, 2, 108, 84), {test::irot(1), test::clap(80, 80, 0, 0)});
  for (Bytes file : {test::write_heif(grid), test::read_file(data_file("heif/turned.avif"))}) {
    const std::string data = "mdat";
    const auto end =
        std::search(file.begin(), file.end(), data.begin(), data.end(),
                    [](std::byte a, char b) { return a == static_cast<std::byte>(b); });
    for (auto at = file.begin(); at < end; at += 3) {
      *at ^= std::byte{0xff};
      try {
        decode_image(file, "changed.heic", {.max_pixels = 1 << 20});
      } catch (const InputError& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
      *at ^= std::byte{0xff};
    }
  }
}

TEST(Heif, MayBeASeriesWithoutAPrimaryPicture) {
  // A film that calls itself a series of pictures.
  Bytes file = test::read_file(data_file("media/hlg.mp4"));
  const std::string brand = "hevc";
  std::transform(brand.begin(), brand.end(), file.begin() + 8,
                 [](char letter) { return static_cast<std::byte>(letter); });
  EXPECT_GT(decode_image(file, "series.heics").width, 0);
  EXPECT_EQ(quarters(load_image(data_file("media/animation.avif"))), "rrrr");
}

}  // namespace
}  // namespace owl3
