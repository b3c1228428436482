// Colours of films: which matrix unmarked ones have, and HDR and wide gamuts on ordinary screens.
// The code values are computed here, from the standards' formulas.
#include <algorithm>
#include <array>
#include <cmath>

#include "media/codecs/ffmpeg.h"
#include "media/video.h"
#include "test_files.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace owl3 {
namespace {

using test::data_file;

using Colour = std::array<double, 3>;  // light or signal: red, green, blue
using Rgb = std::array<int, 3>;

struct Marks {
  AVPixelFormat format = AV_PIX_FMT_YUV420P10;
  AVColorSpace matrix = AVCOL_SPC_BT2020_NCL;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  AVColorPrimaries primaries = AVCOL_PRI_BT2020;
  AVColorRange range = AVCOL_RANGE_MPEG;
};

Ffmpeg<AVFrame> make_frame(int width, int height, const Marks& marks, const Rgb& planes) {
  Ffmpeg<AVFrame> frame(av_frame_alloc());
  frame->width = width;
  frame->height = height;
  frame->format = marks.format;
  frame->colorspace = marks.matrix;
  frame->color_trc = marks.transfer;
  frame->color_primaries = marks.primaries;
  frame->color_range = marks.range;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 0), 0);
  const AVPixFmtDescriptor* descriptor = av_pix_fmt_desc_get(marks.format);
  const bool subsampled = descriptor->log2_chroma_h != 0;
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane > 0 && subsampled ? (height + 1) / 2 : height;
    const int columns = plane > 0 && subsampled ? (width + 1) / 2 : width;
    for (int y = 0; y < rows; ++y) {
      uint8_t* row = frame->data[plane] + ptrdiff_t{y} * frame->linesize[plane];
      for (int x = 0; x < columns; ++x) {
        if (descriptor->comp[plane].depth > 8) {
          reinterpret_cast<uint16_t*>(row)[x] = static_cast<uint16_t>(planes[plane]);
        } else {
          row[x] = static_cast<uint8_t>(planes[plane]);
        }
      }
    }
  }
  return frame;
}

Rgb middle_of(const Image& image) {
  const uint8_t* at = image.rgb.data() +
                      3 * (static_cast<size_t>(image.height / 2) * image.width + image.width / 2);
  return {at[0], at[1], at[2]};
}

Rgb shown(const AVFrame& frame, RgbConverter& converter) {
  return middle_of(converter.convert(frame, "frame", DecodeOptions().max_pixels));
}

Rgb shown(const AVFrame& frame, FrameKind kind = FrameKind::kFilm) {
  RgbConverter converter(kind);
  return shown(frame, converter);
}

void expect_near(const Rgb& got, const Rgb& expected, int tolerance, const std::string& what) {
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_NEAR(got[channel], expected[channel], tolerance)
        << what << ": " << got[0] << "," << got[1] << "," << got[2];
  }
}

/// R'G'B' as code values of a frame: Y'CbCr of BT.2020, or planes G, B, R.
Rgb code_values(const Colour& signal, const Marks& marks) {
  const AVPixFmtDescriptor* descriptor = av_pix_fmt_desc_get(marks.format);
  const int depth = descriptor->comp[0].depth;
  const double unit = std::pow(2.0, depth - 8);
  const bool full = marks.range == AVCOL_RANGE_JPEG;
  const double most = std::pow(2.0, depth) - 1;
  const auto [red, green, blue] = signal;
  if ((descriptor->flags & AV_PIX_FMT_FLAG_RGB) != 0) {
    return {static_cast<int>(std::lround(green * most)), static_cast<int>(std::lround(blue * most)),
            static_cast<int>(std::lround(red * most))};
  }
  const double luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue;
  const double cb = (blue - luma) / 1.8814;
  const double cr = (red - luma) / 1.4746;
  const double offset = full ? 0 : 16 * unit;
  const double luma_scale = full ? most : 219 * unit;
  const double chroma_scale = full ? most : 224 * unit;
  return {static_cast<int>(std::lround(offset + luma_scale * luma)),
          static_cast<int>(std::lround(128 * unit + chroma_scale * cb)),
          static_cast<int>(std::lround(128 * unit + chroma_scale * cr))};
}

/// BT.709 light as BT.2020 light: the matrix of ITU-R BT.2087.
Colour in_bt2020(const Colour& light) {
  const auto [r, g, b] = light;
  return {0.6274 * r + 0.3293 * g + 0.0433 * b, 0.0691 * r + 0.9195 * g + 0.0114 * b,
          0.0164 * r + 0.0880 * g + 0.8956 * b};
}

/// BT.2100 PQ: the inverse EOTF.
double pq(double nits) {
  const double y = std::pow(nits / 10000, 0.1593017578125);
  return std::pow((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y), 78.84375);
}

/// BT.2100 HLG: the inverse OOTF for a screen of 1000 nits, then the OETF.
Colour hlg(const Colour& nits) {
  const double luminance = (0.2627 * nits[0] + 0.6780 * nits[1] + 0.0593 * nits[2]) / 1000;
  Colour signal{};
  for (int i = 0; i < 3; ++i) {
    const double scene =
        luminance > 0 ? nits[i] / 1000 * std::pow(luminance, (1 - 1.2) / 1.2) : 0.0;
    signal[i] = scene <= 1.0 / 12 ? std::sqrt(3 * scene)
                                  : 0.17883277 * std::log(12 * scene - 0.28466892) + 0.55991073;
  }
  return signal;
}

Colour signal_of(const Colour& bt709_light, double white_nits,
                 AVColorTransferCharacteristic transfer) {
  Colour nits = in_bt2020(bt709_light);
  for (double& value : nits) value *= white_nits;
  if (transfer == AVCOL_TRC_ARIB_STD_B67) return hlg(nits);
  return {pq(nits[0]), pq(nits[1]), pq(nits[2])};
}

constexpr std::array kHdrTransfers = {AVCOL_TRC_ARIB_STD_B67, AVCOL_TRC_SMPTE2084};

TEST(Colours, HdrPrimariesAndPaperWhiteAreThoseOfOrdinaryPictures) {
  const std::pair<Colour, Rgb> colours[] = {
      {{1, 0, 0}, {255, 0, 0}},     {{0, 1, 0}, {0, 255, 0}},   {{0, 0, 1}, {0, 0, 255}},
      {{1, 1, 0}, {255, 255, 0}},   {{0, 1, 1}, {0, 255, 255}}, {{1, 0, 1}, {255, 0, 255}},
      {{1, 1, 1}, {255, 255, 255}}, {{0, 0, 0}, {0, 0, 0}}};
  const Marks layouts[] = {
      {},
      {.format = AV_PIX_FMT_YUV420P10, .range = AVCOL_RANGE_JPEG},
      {.format = AV_PIX_FMT_YUV422P12},
      {.format = AV_PIX_FMT_YUV444P16},
      {.format = AV_PIX_FMT_YUV420P10, .matrix = AVCOL_SPC_UNSPECIFIED},
      {.format = AV_PIX_FMT_YUV420P10, .primaries = AVCOL_PRI_UNSPECIFIED},
      {.format = AV_PIX_FMT_GBRP10, .matrix = AVCOL_SPC_RGB, .range = AVCOL_RANGE_JPEG}};
  // A step of PQ in 10 bits is that much where a dark channel is a difference of bright ones.
  constexpr int kTolerance = 25;
  for (const FrameKind kind : {FrameKind::kFilm, FrameKind::kStill}) {
    RgbConverter converter(kind);
    for (const auto transfer : kHdrTransfers) {
      for (Marks marks : layouts) {
        marks.transfer = transfer;
        for (const auto& [light, expected] : colours) {
          const Colour signal = signal_of(light, 203, transfer);
          const auto frame = make_frame(16, 16, marks, code_values(signal, marks));
          expect_near(shown(*frame, converter), expected, kTolerance,
                      std::string(av_get_pix_fmt_name(marks.format)) + " " +
                          av_color_transfer_name(transfer));
        }
      }
    }
  }
}

TEST(Colours, HdrBelowPaperWhiteIsAsBrightAsItWas) {
  for (const auto transfer : kHdrTransfers) {
    const Marks marks{.transfer = transfer};
    RgbConverter converter(FrameKind::kFilm);
    for (int value = 0; value <= 240; value += 16) {
      const double light = std::pow(value / 255.0, 2.2);
      const Colour signal = signal_of({light, light, light}, 203, transfer);
      const auto frame = make_frame(32, 32, marks, code_values(signal, marks));
      expect_near(shown(*frame, converter), {value, value, value}, 2,
                  av_color_transfer_name(transfer));
    }
  }
}

TEST(Colours, PqColoursAreExact) {
  const Marks marks{.transfer = AVCOL_TRC_SMPTE2084};
  for (const Rgb& rgb : {Rgb{200, 150, 120}, Rgb{40, 90, 160}, Rgb{120, 200, 60}}) {
    Colour light{};
    for (int i = 0; i < 3; ++i) light[i] = std::pow(rgb[i] / 255.0, 2.2);
    const auto frame =
        make_frame(32, 32, marks, code_values(signal_of(light, 203, marks.transfer), marks));
    expect_near(shown(*frame), rgb, 3, "PQ");
  }
}

TEST(Colours, HdrHighlightsRollOffSmoothly) {
  for (const auto transfer : kHdrTransfers) {
    const Marks marks{.format = AV_PIX_FMT_YUV444P16, .transfer = transfer};
    RgbConverter converter(FrameKind::kFilm);
    const auto white = [&](double nits) {
      const auto frame =
          make_frame(32, 32, marks, code_values(signal_of({1, 1, 1}, nits, transfer), marks));
      return shown(*frame, converter)[0];
    };
    EXPECT_GE(white(203), 250);
    EXPECT_LT(white(203), 255);
    EXPECT_EQ(white(1000), 255);
    int before = white(100);
    for (double nits = 100; nits <= 1000; nits *= 1.02) {
      const int now = white(nits);
      EXPECT_GE(now, before) << nits;
      EXPECT_LE(now - before, 4) << nits;
      before = now;
    }
  }
}

TEST(Colours, WideGamutsOfOrdinaryBrightnessBecomeBt709) {
  const double kGamma = 2.4;
  const Marks marks{.transfer = AVCOL_TRC_BT2020_10};
  const auto signal = [&](const Colour& light) {
    Colour in = in_bt2020(light);
    for (double& value : in) value = std::pow(value, 1 / kGamma);
    return in;
  };
  const auto film = [&](const Colour& value) {
    return shown(*make_frame(32, 32, marks, code_values(value, marks)));
  };
  expect_near(film(signal({1, 0, 0})), {255, 0, 0}, 9, "red");
  expect_near(film(signal({0, 1, 0})), {0, 255, 0}, 9, "green");
  expect_near(film(signal({0, 0, 1})), {0, 0, 255}, 9, "blue");
  for (int grey = 0; grey <= 255; grey += 15) {
    const double value = grey / 255.0;
    expect_near(film({value, value, value}), {grey, grey, grey}, 1, "grey");
  }
  // P3's red lies outside: the reddest that can be shown.
  const Marks p3{.matrix = AVCOL_SPC_BT2020_NCL, .primaries = AVCOL_PRI_SMPTE432};
  const auto red = make_frame(32, 32, p3, code_values({1, 0, 0}, p3));
  expect_near(shown(*red), {255, 0, 0}, 2, "P3");
  // A still's profile is ignored, as in the reference.
  EXPECT_EQ(
      shown(*make_frame(32, 32, marks, code_values({0.2, 0.5, 0.8}, marks)), FrameKind::kStill),
      (Rgb{51, 128, 204}));
}

TEST(Colours, UnmarkedFilmsAreJudgedByTheShapeTheyAreShownIn) {
  // Y'CbCr (81, 90, 240) is red in BT.601.
  const Marks unmarked{.format = AV_PIX_FMT_YUV420P,
                       .matrix = AVCOL_SPC_UNSPECIFIED,
                       .primaries = AVCOL_PRI_UNSPECIFIED};
  const auto is_bt709 = [&](int width, int height, FrameKind kind) {
    const Rgb rgb = shown(*make_frame(width, height, unmarked, {81, 90, 240}), kind);
    EXPECT_GT(rgb[0], 240);
    return rgb[1] > 10;  // less green would be below 0
  };
  EXPECT_FALSE(is_bt709(720, 576, FrameKind::kFilm));
  EXPECT_FALSE(is_bt709(1278, 576, FrameKind::kFilm));
  EXPECT_TRUE(is_bt709(1280, 16, FrameKind::kFilm));
  EXPECT_TRUE(is_bt709(320, 578, FrameKind::kFilm));
  EXPECT_TRUE(is_bt709(960, 720, FrameKind::kFilm));
  EXPECT_TRUE(is_bt709(720, 1280, FrameKind::kFilm));
  EXPECT_TRUE(is_bt709(720, 480, FrameKind::kTurnedFilm));   // shown 480 x 720
  EXPECT_FALSE(is_bt709(576, 720, FrameKind::kTurnedFilm));  // shown 720 x 576
  EXPECT_TRUE(is_bt709(576, 1280, FrameKind::kTurnedFilm));
  EXPECT_FALSE(is_bt709(1920, 1080, FrameKind::kStill));
}

TEST(Colours, MarkedFilmsKeepTheirMatrixWhateverTheShape) {
  Marks marks{.format = AV_PIX_FMT_YUV420P,
              .matrix = AVCOL_SPC_SMPTE170M,
              .primaries = AVCOL_PRI_UNSPECIFIED};
  expect_near(shown(*make_frame(1920, 1080, marks, {81, 90, 240})), {255, 0, 0}, 1, "BT.601");
  marks.matrix = AVCOL_SPC_BT709;
  expect_near(shown(*make_frame(64, 64, marks, {63, 102, 240})), {255, 0, 0}, 1, "BT.709");
}

Rgb film_pixel(const std::string& clip, int x) {
  VideoReader reader = VideoReader::open(data_file("media/" + clip), {});
  const auto frame = reader.next();
  const uint8_t* at = frame->image.rgb.data() +
                      3 * (static_cast<size_t>(frame->image.height / 2) * frame->image.width + x);
  return {at[0], at[1], at[2]};
}

TEST(Colours, OfHdrFilmsAreThoseOfTheScene) {
  for (const char* clip : {"hlg.mp4", "pq.mp4"}) {
    expect_near(film_pixel(clip, 7), {255, 255, 255}, 6, clip);
    expect_near(film_pixel(clip, 23), {255, 0, 0}, 6, clip);
    expect_near(film_pixel(clip, 39), {0, 255, 0}, 25, clip);
    expect_near(film_pixel(clip, 55), {0, 0, 255}, 12, clip);
  }
}

TEST(Colours, OfAnUnmarkedFilmAreJudgedAsItIsShown) {
  expect_near(film_pixel("unmarked-turned.mp4", 240), {0, 255, 0}, 2, "shown 480 x 720");
}

}  // namespace
}  // namespace owl3
