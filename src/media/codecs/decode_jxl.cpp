// JPEG XL through libjxl: a bare stream or a container, any depth, grey, RGB or CMYK; of an
// animation the first frame. What was coded as it would be seen (XYB: every lossy one, but for some
// that were JPEG) comes as sRGB; what was coded as values keeps them, whatever its profile, as PNG
// does. HDR and linear light are made ordinary.
#include <jxl/decode.h>
#include <jxl/decode_cxx.h>

#include <optional>

#include "core/error.h"
#include "media/alpha.h"
#include "media/cmyk.h"
#include "media/codecs/colour_mapping.h"
#include "media/codecs/decoders.h"
#include "media/codecs/silent_thread.h"

namespace owl3 {
namespace {

class JxlReader {
 public:
  /// Decodes in the thread that calls.
  JxlReader(Bytes bytes, const std::string& name) : name_(name), decoder_(JxlDecoderMake(nullptr)) {
    if (decoder_ == nullptr) throw std::bad_alloc();
    JxlDecoder* const decoder = decoder_.get();
    check(JxlDecoderSubscribeEvents(
        decoder, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE));
    check(JxlDecoderSetKeepOrientation(decoder, JXL_TRUE));
    check(
        JxlDecoderSetInput(decoder, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
    read_up_to(JXL_DEC_BASIC_INFO);
    check(JxlDecoderGetBasicInfo(decoder, &info_));
  }

  StoredSize size() const { return {info_.xsize, info_.ysize, orientation()}; }
  int orientation() const { return static_cast<int>(info_.orientation); }

  StoredImage read(const DecodeLimits& limits);

 private:
  void check(JxlDecoderStatus status) const {
    if (status != JXL_DEC_SUCCESS) throw_broken("its data can't be decoded");
  }
  [[noreturn]] void throw_broken(const char* what) const {
    throw InputError(fmt::format("{}: broken JPEG XL: {}", name_, what));
  }

  void read_up_to(JxlDecoderStatus event) {
    const JxlDecoderStatus status = JxlDecoderProcessInput(decoder_.get());
    if (status == event) return;
    if (status == JXL_DEC_NEED_MORE_INPUT) throw_broken("it breaks off");
    throw_broken(status == JXL_DEC_SUCCESS ? "it holds no picture" : "its data can't be decoded");
  }

  ColourMarks choose_colours();
  std::optional<uint32_t> black_channel() const;
  template <typename Sample>
  std::vector<Sample> read_samples(JxlDataType type, uint32_t channels,
                                   std::vector<uint8_t>& black);

  const std::string& name_;
  JxlDecoderPtr decoder_;
  JxlBasicInfo info_{};
};

bool needs_mapping(const ColourMarks& marks) {
  return is_hdr(marks) || marks.transfer == AVCOL_TRC_LINEAR;
}

AVColorTransferCharacteristic transfer_of(const JxlColorEncoding& encoding) {
  switch (encoding.transfer_function) {
    case JXL_TRANSFER_FUNCTION_PQ:
      return AVCOL_TRC_SMPTE2084;
    case JXL_TRANSFER_FUNCTION_HLG:
      return AVCOL_TRC_ARIB_STD_B67;
    case JXL_TRANSFER_FUNCTION_LINEAR:
      return AVCOL_TRC_LINEAR;
    default:
      return AVCOL_TRC_IEC61966_2_1;
  }
}

AVColorPrimaries primaries_of(const JxlColorEncoding& encoding) {
  switch (encoding.primaries) {
    case JXL_PRIMARIES_2100:
      return AVCOL_PRI_BT2020;
    case JXL_PRIMARIES_P3:
      return AVCOL_PRI_SMPTE432;
    default:
      return AVCOL_PRI_BT709;
  }
}

template <typename Sample>
void copy_alpha(const std::vector<Sample>& samples, size_t channels, StoredImage& stored) {
  if (channels < 4) return;
  stored.alpha.resize(samples.size() / channels);
  for (size_t i = 0; i < stored.alpha.size(); ++i) {
    stored.alpha[i] = static_cast<uint8_t>(samples[channels * i + 3] >> 8 * (sizeof(Sample) - 1));
  }
}

/// The colours that the pixels will have: asks for those that can be shown, where it can be asked.
ColourMarks JxlReader::choose_colours() {
  JxlColorEncoding own{};
  const bool has_own =
      JxlDecoderGetColorAsEncodedProfile(decoder_.get(), nullptr, JXL_COLOR_PROFILE_TARGET_ORIGINAL,
                                         &own) == JXL_DEC_SUCCESS;
  ColourMarks marks{AVCOL_TRC_IEC61966_2_1, AVCOL_PRI_BT709};
  if (has_own) marks = {transfer_of(own), primaries_of(own)};
  if (info_.uses_original_profile != JXL_FALSE) return marks;

  JxlColorEncoding wanted{};
  wanted.color_space = info_.num_color_channels == 1 ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB;
  wanted.white_point = JXL_WHITE_POINT_D65;
  wanted.rendering_intent = JXL_RENDERING_INTENT_RELATIVE;
  const bool hdr = is_hdr(marks);
  wanted.primaries = hdr ? JXL_PRIMARIES_2100 : JXL_PRIMARIES_SRGB;
  wanted.transfer_function = hdr ? JXL_TRANSFER_FUNCTION_PQ : JXL_TRANSFER_FUNCTION_SRGB;
  check(JxlDecoderSetPreferredColorProfile(decoder_.get(), &wanted));
  return hdr ? ColourMarks{AVCOL_TRC_SMPTE2084, AVCOL_PRI_BT2020}
             : ColourMarks{AVCOL_TRC_IEC61966_2_1, AVCOL_PRI_BT709};
}

std::optional<uint32_t> JxlReader::black_channel() const {
  for (uint32_t i = 0; i < info_.num_extra_channels; ++i) {
    JxlExtraChannelInfo channel;
    check(JxlDecoderGetExtraChannelInfo(decoder_.get(), i, &channel));
    if (channel.type == JXL_CHANNEL_BLACK) return i;
  }
  return std::nullopt;
}

/// All pixels, and the black of CMYK where there is one.
template <typename Sample>
std::vector<Sample> JxlReader::read_samples(JxlDataType type, uint32_t channels,
                                            std::vector<uint8_t>& black) {
  JxlDecoder* const decoder = decoder_.get();
  read_up_to(JXL_DEC_NEED_IMAGE_OUT_BUFFER);
  const JxlPixelFormat format{channels, type, JXL_NATIVE_ENDIAN, 0};
  const size_t pixels = size_t{info_.xsize} * info_.ysize;
  std::vector<Sample> samples(pixels * channels);
  check(JxlDecoderSetImageOutBuffer(decoder, &format, samples.data(),
                                    samples.size() * sizeof(Sample)));
  if (const std::optional<uint32_t> index = black_channel()) {
    const JxlPixelFormat grey{1, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
    black.resize(pixels);
    check(JxlDecoderSetExtraChannelBuffer(decoder, &grey, black.data(), black.size(), *index));
  }
  read_up_to(JXL_DEC_FULL_IMAGE);
  return samples;
}

void map_rows(const ColourMarks& marks, const std::vector<uint16_t>& samples, size_t channels,
              Image& image) {
  const ColourMapping mapping(marks);
  const auto width = static_cast<size_t>(image.width);
  std::vector<uint16_t> row[3];
  for (std::vector<uint16_t>& values : row) values.resize(width);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    const uint16_t* in = samples.data() + y * width * channels;
    for (size_t x = 0; x < width; ++x, in += channels) {
      for (size_t c = 0; c < 3; ++c) row[c][x] = in[c];
    }
    mapping.map(row[0].data(), row[1].data(), row[2].data(), image.width,
                image.rgb.data() + y * width * 3);
  }
}

StoredImage JxlReader::read(const DecodeLimits& limits) {
  // The samples, the picture, and what the library computes in: floating point, twice.
  const uint32_t channels = info_.alpha_bits > 0 ? 4 : 3;
  const int64_t bytes_per_pixel =
      2 * int64_t{channels} + 4 + 2 * 4 * (3 + int64_t{info_.num_extra_channels});
  StoredImage stored;
  stored.image = make_image(info_.xsize, info_.ysize, name_, limits, bytes_per_pixel);
  stored.orientation = orientation();
  stored.is_deep = info_.bits_per_sample > 8 && info_.exponent_bits_per_sample == 0 &&
                   info_.uses_original_profile != JXL_FALSE;
  read_up_to(JXL_DEC_COLOR_ENCODING);
  const ColourMarks marks = choose_colours();
  std::vector<uint8_t> black;  // 255: none, as its colours are
  if (needs_mapping(marks)) {
    const auto samples = read_samples<uint16_t>(JXL_TYPE_UINT16, channels, black);
    map_rows(marks, samples, channels, stored.image);
    copy_alpha(samples, channels, stored);
  } else {
    const auto samples = read_samples<uint8_t>(JXL_TYPE_UINT8, channels, black);
    for (size_t i = 0; i < stored.image.rgb.size(); ++i) {
      stored.image.rgb[i] = samples[i / 3 * channels + i % 3];
    }
    copy_alpha(samples, channels, stored);
  }
  if (info_.alpha_premultiplied != JXL_FALSE) {
    for (size_t i = 0; i < stored.alpha.size(); ++i) {
      divide_by_alpha(stored.image.rgb.data() + 3 * i, stored.alpha[i]);
    }
  }
  for (size_t i = 0; i < black.size() * 3; ++i) {
    stored.image.rgb[i] = static_cast<uint8_t>(multiply_255(stored.image.rgb[i], black[i / 3]));
  }
  return stored;
}

}  // namespace

StoredSize read_jxl_size(Bytes bytes, const std::string& name) {
  StoredSize size;
  run_silently([&] { size = JxlReader(bytes, name).size(); });
  return size;
}

StoredImage decode_jxl(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  StoredImage stored;
  run_silently([&] { stored = JxlReader(bytes, name).read(limits); });
  return stored;
}

}  // namespace owl3
