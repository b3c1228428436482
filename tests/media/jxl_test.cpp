// JPEG XL, encoded here by libjxl.
#include <jxl/encode.h>
#include <jxl/encode_cxx.h>

#include <algorithm>
#include <cmath>

#include "media/image.h"
#include "media/image_kinds.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::expect_input_error;
using Bytes = std::vector<std::byte>;

enum class Colours { kSrgb, kLinear, kPq, kP3 };

struct Kind {
  int channels = 3;  // 1, 2: grey; 2, 4: with alpha
  JxlDataType type = JXL_TYPE_UINT8;
  bool lossless = true;
  bool container = false;
  int orientation = 1;
  Colours colours = Colours::kSrgb;
  int frames = 1;
};

constexpr int kWidth = 24;
constexpr int kHeight = 16;

JxlColorEncoding encoding_of(const Kind& kind) {
  JxlColorEncoding encoding{};
  JxlColorEncodingSetToSRGB(&encoding, kind.channels < 3 ? JXL_TRUE : JXL_FALSE);
  if (kind.colours == Colours::kLinear) encoding.transfer_function = JXL_TRANSFER_FUNCTION_LINEAR;
  if (kind.colours == Colours::kPq) {
    encoding.primaries = JXL_PRIMARIES_2100;
    encoding.transfer_function = JXL_TRANSFER_FUNCTION_PQ;
  }
  if (kind.colours == Colours::kP3) encoding.primaries = JXL_PRIMARIES_P3;
  return encoding;
}

uint32_t bits_of(JxlDataType type) {
  if (type == JXL_TYPE_FLOAT) return 32;
  return type == JXL_TYPE_UINT16 ? 16 : 8;
}

/// A plane of the values 0..1, channel by channel, in the type wanted.
std::string samples_of(const Kind& kind, const std::vector<double>& values) {
  std::string samples;
  const auto add = [&](auto value) {
    samples.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (int pixel = 0; pixel < kWidth * kHeight; ++pixel) {
    // The left half has the colour; the right half is black, and opaque.
    const bool left = pixel % kWidth < kWidth / 2;
    for (int c = 0; c < kind.channels; ++c) {
      const bool is_alpha = c == 1 ? kind.channels == 2 : c == 3;
      const double value = left ? values[static_cast<size_t>(c)] : (is_alpha ? 1 : 0);
      if (kind.type == JXL_TYPE_FLOAT) {
        add(static_cast<float>(value));
      } else if (kind.type == JXL_TYPE_UINT16) {
        add(static_cast<uint16_t>(std::lround(value * 65535)));
      } else {
        add(static_cast<uint8_t>(std::lround(value * 255)));
      }
    }
  }
  return samples;
}

JxlBasicInfo info_of(const Kind& kind) {
  JxlBasicInfo info;
  JxlEncoderInitBasicInfo(&info);
  info.xsize = kWidth;
  info.ysize = kHeight;
  info.bits_per_sample = bits_of(kind.type);
  info.exponent_bits_per_sample = kind.type == JXL_TYPE_FLOAT ? 8 : 0;
  info.num_color_channels = kind.channels < 3 ? 1 : 3;
  info.uses_original_profile = kind.lossless ? JXL_TRUE : JXL_FALSE;
  info.orientation = static_cast<JxlOrientation>(kind.orientation);
  if (kind.channels % 2 == 0) {
    info.num_extra_channels = 1;
    info.alpha_bits = info.bits_per_sample;
    info.alpha_exponent_bits = info.exponent_bits_per_sample;
  }
  if (kind.frames > 1) {
    info.have_animation = JXL_TRUE;
    info.animation.tps_numerator = 10;
    info.animation.tps_denominator = 1;
  }
  return info;
}

Bytes finish(JxlEncoder* encoder) {
  JxlEncoderCloseInput(encoder);
  Bytes bytes(1 << 16);
  auto* out = reinterpret_cast<uint8_t*>(bytes.data());
  size_t room = bytes.size();
  EXPECT_EQ(JxlEncoderProcessOutput(encoder, &out, &room), JXL_ENC_SUCCESS);
  bytes.resize(bytes.size() - room);
  return bytes;
}

/// The colour on the left of the first frame, its complement in the others.
Bytes encode(const Kind& kind, std::vector<double> values) {
  const JxlEncoderPtr encoder = JxlEncoderMake(nullptr);
  if (kind.container) JxlEncoderUseContainer(encoder.get(), JXL_TRUE);
  const JxlBasicInfo info = info_of(kind);
  EXPECT_EQ(JxlEncoderSetBasicInfo(encoder.get(), &info), JXL_ENC_SUCCESS);
  const JxlColorEncoding encoding = encoding_of(kind);
  EXPECT_EQ(JxlEncoderSetColorEncoding(encoder.get(), &encoding), JXL_ENC_SUCCESS);
  JxlEncoderFrameSettings* settings = JxlEncoderFrameSettingsCreate(encoder.get(), nullptr);
  JxlEncoderSetFrameLossless(settings, kind.lossless ? JXL_TRUE : JXL_FALSE);
  if (!kind.lossless) JxlEncoderSetFrameDistance(settings, 0.1F);
  const JxlPixelFormat format{static_cast<uint32_t>(kind.channels), kind.type, JXL_NATIVE_ENDIAN,
                              0};
  for (int frame = 0; frame < kind.frames; ++frame) {
    if (kind.frames > 1) {
      JxlFrameHeader header;
      JxlEncoderInitFrameHeader(&header);
      header.duration = 1;
      JxlEncoderSetFrameHeader(settings, &header);
    }
    const std::string samples = samples_of(kind, values);
    EXPECT_EQ(JxlEncoderAddImageFrame(settings, &format, samples.data(), samples.size()),
              JXL_ENC_SUCCESS);
    for (double& value : values) value = 1 - value;
  }
  return finish(encoder.get());
}

/// Of one colour; 1 is no ink. The profile, which nobody looks at, is missing.
Bytes encode_cmyk(const std::vector<double>& colour, double black) {
  const JxlEncoderPtr encoder = JxlEncoderMake(nullptr);
  JxlBasicInfo info = info_of({});
  info.num_extra_channels = 1;
  EXPECT_EQ(JxlEncoderSetBasicInfo(encoder.get(), &info), JXL_ENC_SUCCESS);
  JxlExtraChannelInfo channel;
  JxlEncoderInitExtraChannelInfo(JXL_CHANNEL_BLACK, &channel);
  channel.bits_per_sample = 8;
  EXPECT_EQ(JxlEncoderSetExtraChannelInfo(encoder.get(), 0, &channel), JXL_ENC_SUCCESS);
  const JxlColorEncoding encoding = encoding_of({});
  EXPECT_EQ(JxlEncoderSetColorEncoding(encoder.get(), &encoding), JXL_ENC_SUCCESS);
  JxlEncoderFrameSettings* settings = JxlEncoderFrameSettingsCreate(encoder.get(), nullptr);
  JxlEncoderSetFrameLossless(settings, JXL_TRUE);
  const JxlPixelFormat format{3, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  const std::string samples = samples_of({}, colour);
  EXPECT_EQ(JxlEncoderAddImageFrame(settings, &format, samples.data(), samples.size()),
            JXL_ENC_SUCCESS);
  const std::string blacks(kWidth * kHeight, static_cast<char>(std::lround(black * 255)));
  EXPECT_EQ(JxlEncoderSetExtraChannelBuffer(settings, &format, blacks.data(), blacks.size(), 0),
            JXL_ENC_SUCCESS);
  return finish(encoder.get());
}

/// The colour on the left.
std::vector<int> left_of(const Image& image) {
  return {image.rgb.begin(), image.rgb.begin() + 3};
}

void expect_colour(const Kind& kind, const std::vector<double>& values,
                   const std::vector<int>& wanted, int tolerance) {
  const Image image = decode_image(encode(kind, values), "x.jxl");
  ASSERT_EQ(image.width, kWidth);
  ASSERT_EQ(image.height, kHeight);
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(left_of(image)[c], wanted[c], tolerance) << c;
}

TEST(JpegXl, IsReadAtEveryDepthBareOrInAContainer) {
  for (const bool container : {false, true}) {
    for (const JxlDataType type : {JXL_TYPE_UINT8, JXL_TYPE_UINT16, JXL_TYPE_FLOAT}) {
      for (const bool lossless : {true, false}) {
        const Kind kind{.type = type, .lossless = lossless, .container = container};
        expect_colour(kind, {1, 0.5, 0.25}, {255, 128, 64}, lossless ? 0 : 3);
        const Bytes file = encode(kind, {1, 0.5, 0.25});
        EXPECT_TRUE(begins_like_an_image(std::span(file).first(32)));
      }
    }
  }
}

TEST(JpegXl, MayBeGreyAndHaveAlphaWhichIsDropped) {
  for (const bool lossless : {true, false}) {
    const int tolerance = lossless ? 0 : 3;
    expect_colour({.channels = 1, .lossless = lossless}, {0.6}, {153, 153, 153}, tolerance);
    expect_colour({.channels = 2, .lossless = lossless}, {0.6, 0.2}, {153, 153, 153}, tolerance);
    expect_colour({.channels = 4, .lossless = lossless}, {1, 0.6, 0, 0.2}, {255, 153, 0},
                  tolerance);
  }
  for (const JxlDataType type : {JXL_TYPE_UINT8, JXL_TYPE_UINT16}) {
    const Bytes file = encode({.channels = 4, .type = type}, {1, 0.6, 0, 0.2});
    const Image laid = decode_image(file, "x.jxl", {.background = Colour{0, 0, 255}});
    EXPECT_EQ(left_of(laid), (std::vector{51, 31, 204}));
  }
  const Image premultiplied = load_image(test::data_file("jxl/premultiplied.jxl"));
  EXPECT_EQ(left_of(premultiplied), (std::vector{255, 127, 0}));  // as Pillow divides
}

TEST(JpegXl, IsTurnedAsItSaysUnlessAskedOtherwise) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Bytes file = encode({.orientation = orientation}, {1, 0, 0});
    const Image image = decode_image(file, "x.jxl");
    const bool turned = orientation >= 5;
    EXPECT_EQ(image.width, turned ? kHeight : kWidth);
    EXPECT_EQ(image_size(file, "x.jxl").width, image.width);
    // Where the red half comes to lie: left, right, right, left, above, above, below, below.
    const bool first_is_red =
        orientation == 1 || orientation == 4 || orientation == 5 || orientation == 6;
    EXPECT_EQ(image.rgb.front(), first_is_red ? 255 : 0) << orientation;
    const Image stored = decode_image(file, "x.jxl", {.apply_exif_orientation = false});
    EXPECT_EQ(stored.width, kWidth);
    EXPECT_EQ(stored.rgb.front(), 255);
  }
}

TEST(JpegXl, HasTheColoursOfOrdinaryScreens) {
  // Values are kept whatever their profile says, as in PNG; what was coded as seen becomes sRGB.
  expect_colour({.colours = Colours::kP3}, {0.8, 0.5, 0.25}, {204, 128, 64}, 0);
  expect_colour({.lossless = false, .colours = Colours::kP3}, {0.5, 0.5, 0.5}, {128, 128, 128}, 2);
  for (const bool lossless : {true, false}) {
    const Kind linear{.type = JXL_TYPE_FLOAT, .lossless = lossless, .colours = Colours::kLinear};
    expect_colour(linear, {0.2140, 0.2140, 0.2140}, {128, 128, 128}, 2);
    const Kind pq{.type = JXL_TYPE_UINT16, .lossless = lossless, .colours = Colours::kPq};
    expect_colour(pq, {0.5806, 0.5806, 0.5806}, {251, 251, 251}, 2);  // white paper
    expect_colour(pq, {0.4, 0.4, 0.4}, {111, 111, 111}, 3);           // 32 nits
  }
}

TEST(JpegXl, MayBeCmyk) {
  const Image image = decode_image(encode_cmyk({1, 0.6, 0}, 0.8), "x.jxl");
  EXPECT_EQ(left_of(image), (std::vector{204, 122, 0}));
}

TEST(JpegXl, ShowsTheFirstFrameOfAnAnimation) {
  expect_colour({.frames = 3}, {1, 0, 0}, {255, 0, 0}, 0);
}

TEST(JpegXl, RefusesWhatIsCutShortDamagedOrTooLarge) {
  for (const bool container : {false, true}) {
    const Bytes file = encode({.lossless = false, .container = container}, {1, 0.5, 0});
    for (size_t size = container ? 12 : 2; size < file.size(); ++size) {
      const Bytes cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      expect_input_error([&] { decode_image(cut, "cut.jxl"); },
                         "cut.jxl: broken JPEG XL: it breaks");
    }
    expect_input_error([&] { decode_image(file, "x.jxl", {.max_pixels = 383}); }, "24 x 16 pixels");
    EXPECT_EQ(decode_image(file, "x.jxl", {.max_pixels = 384}).width, 24);
    Bytes damaged = file;
    for (size_t at = file.size() / 3; at < file.size(); ++at) damaged[at] ^= std::byte{0x5a};
    // The library says more than the error's line, but to nobody.
    testing::internal::CaptureStderr();
    expect_input_error([&] { decode_image(damaged, "bad.jxl"); }, "bad.jxl: broken JPEG XL");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }
}

}  // namespace
}  // namespace owl3
