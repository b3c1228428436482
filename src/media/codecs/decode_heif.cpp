// HEIC and AVIF: the picture that a HEIF file calls its primary one, put together of its tiles,
// cropped, turned and mirrored as the file says. The coded pictures are FFmpeg's. Why not libheif:
// docs/architecture.md.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "media/alpha.h"
#include "media/blank_end.h"
#include "media/codecs/decoders.h"
#include "media/codecs/ffmpeg.h"
#include "media/codecs/ffmpeg_log.h"
#include "media/heif_file.h"
#include "media/orientation.h"

namespace owl3 {
namespace {

struct Codec {
  std::string_view item_type;
  AVCodecID id;
  std::string_view configuration;  // the property that sets up its decoder
};
constexpr Codec kCodecs[] = {{"hvc1", AV_CODEC_ID_HEVC, "hvcC"},
                             {"av01", AV_CODEC_ID_AV1, "av1C"},
                             {"avc1", AV_CODEC_ID_H264, "avcC"},
                             {"jpeg", AV_CODEC_ID_MJPEG, ""}};

/// At its peak: a frame of 16-bit YUV, as 16-bit RGB, as RGB, and this cropped.
constexpr int64_t kBytesPerPixel = 6 + 6 + 3 + 3;

const Codec* codec_of(const HeifItem& item) {
  const auto* const found = std::find_if(std::begin(kCodecs), std::end(kCodecs),
                                         [&](const Codec& c) { return c.item_type == item.type; });
  return found == std::end(kCodecs) ? nullptr : found;
}

struct UnreadType {
  std::string_view item_type;
  const char* name;
};
constexpr UnreadType kUnreadTypes[] = {
    {"vvc1", "VVC (H.266)"},  {"evc1", "EVC"},
    {"j2k1", "JPEG 2000"},    {"unci", "uncompressed samples"},
    {"lhv1", "layered HEVC"}, {"iovl", "an overlay of other pictures"},
    {"mski", "a mask"},       {"rrtp", "RTP packets"},
};

/// A `colr` property of type nclx, which counts more than what the coded picture says.
struct Nclx {
  AVColorPrimaries primaries;
  AVColorTransferCharacteristic transfer;
  AVColorSpace matrix;
  bool full_range;
};

template <typename Mark>
Mark known(int value, Mark end, Mark unspecified) {
  return value < end ? static_cast<Mark>(value) : unspecified;
}

struct Size {
  int64_t width = 0;
  int64_t height = 0;
};

struct TileGrid {
  int rows = 0;
  int columns = 0;
  Size size;
};

Ffmpeg<AVPacket> packet_of(const std::vector<std::byte>& data) {
  Ffmpeg<AVPacket> packet(allocated(av_packet_alloc()));
  if (av_new_packet(packet.get(), static_cast<int>(data.size())) < 0) throw std::bad_alloc();
  std::memcpy(packet->data, data.data(), data.size());
  return packet;
}

void set_up(AVCodecContext& decoder, Bytes configuration) {
  if (configuration.empty()) return;
  decoder.extradata =
      static_cast<uint8_t*>(av_mallocz(configuration.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (decoder.extradata == nullptr) throw std::bad_alloc();
  std::memcpy(decoder.extradata, configuration.data(), configuration.size());
  decoder.extradata_size = static_cast<int>(configuration.size());
}

/// The luma of a picture as a picture of its own, or RGB that is marked as YUV.
int format_of_planes(int format, bool only_first) {
  const AVPixFmtDescriptor* kind = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(format));
  const bool planar = kind != nullptr && (kind->flags & AV_PIX_FMT_FLAG_PLANAR) != 0 &&
                      (kind->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BE)) == 0 &&
                      kind->nb_components == 3;
  if (!planar) return format;
  const int depth = kind->comp[0].depth;
  if (only_first) {
    if (depth == 8) return AV_PIX_FMT_GRAY8;
    if (depth == 10) return AV_PIX_FMT_GRAY10;
    return depth == 12 ? AV_PIX_FMT_GRAY12 : format;
  }
  if (kind->log2_chroma_w != 0 || kind->log2_chroma_h != 0) return format;
  if (depth == 8) return AV_PIX_FMT_GBRP;
  if (depth == 10) return AV_PIX_FMT_GBRP10;
  return depth == 12 ? AV_PIX_FMT_GBRP12 : format;
}

void mark(AVFrame& frame, const Nclx& colour) {
  if (colour.primaries != AVCOL_PRI_UNSPECIFIED) frame.color_primaries = colour.primaries;
  if (colour.transfer != AVCOL_TRC_UNSPECIFIED) frame.color_trc = colour.transfer;
  if (colour.matrix != AVCOL_SPC_UNSPECIFIED) frame.colorspace = colour.matrix;
  frame.color_range = colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (colour.matrix == AVCOL_SPC_RGB) frame.format = format_of_planes(frame.format, false);
}

/// Puts a tile where it belongs, as far as the picture reaches.
void paste(const Image& tile, int64_t left, int64_t top, Image& picture) {
  const int64_t width = std::min<int64_t>(tile.width, picture.width - left);
  const int64_t height = std::min<int64_t>(tile.height, picture.height - top);
  for (int64_t y = 0; y < height; ++y) {
    std::copy_n(tile.rgb.begin() + y * tile.width * 3, width * 3,
                picture.rgb.begin() + ((top + y) * picture.width + left) * 3);
  }
}

Image crop(const Image& image, int64_t left, int64_t top, int64_t width, int64_t height) {
  Image part{static_cast<int>(width), static_cast<int>(height), {}};
  part.rgb.resize(static_cast<size_t>(width * height) * 3);
  for (int64_t y = 0; y < height; ++y) {
    std::copy_n(image.rgb.begin() + ((top + y) * image.width + left) * 3, width * 3,
                part.rgb.begin() + y * width * 3);
  }
  return part;
}

class HeifDecoder {
 public:
  HeifDecoder(const HeifFile& file, const std::string& name, const DecodeLimits& limits)
      : file_(file), name_(name), limits_(limits) {}

  /// What decoding would give, as far as it is stated.
  Size stated_size(const HeifItem& item, int depth = 0) const;
  StoredImage decode_primary();

 private:
  enum class Use { kColours, kAlpha };

  struct Window {
    int64_t left = 0, top = 0;
    Size size;
  };

  Image decode(const HeifItem& item, Use use, const Nclx* outer = nullptr, int depth = 0);
  Image decode_coded(const HeifItem& item, const Codec& codec, Use use, const Nclx* outer);
  std::vector<uint8_t> decode_alpha(const HeifItem& primary, const Size& size);
  Image decode_grid(const HeifItem& item, Use use, const Nclx* outer, int depth);
  Ffmpeg<AVFrame> decode_frame(const HeifItem& item, const Codec& codec);
  void charge(int64_t pixels);

  TileGrid grid_of(const HeifItem& item) const;
  const HeifItem& only_part(const HeifItem& item, int depth) const;
  std::optional<Nclx> colour_of(const HeifItem& item) const;
  std::optional<Size> own_size(const HeifItem& item) const;
  Window window_of(const HeifBox& clap, Size size) const;
  int orientation_of(const HeifBox& property) const;
  Image transform(Image image, const HeifItem& item) const;
  [[noreturn]] void throw_broken(const std::string& what) const;
  [[noreturn]] void throw_unread(const HeifItem& item) const;

  const HeifFile& file_;
  const std::string& name_;
  DecodeLimits limits_;
  int64_t charged_pixels_ = 0;
  std::optional<std::string> blank_end_;       // of the first part that has such
  RgbConverter converter_{FrameKind::kStill};  // what it sets up serves all tiles of a kind
};

void HeifDecoder::throw_broken(const std::string& what) const {
  throw InputError(fmt::format("{}: broken HEIF image: {}", name_, what));
}

void HeifDecoder::throw_unread(const HeifItem& item) const {
  if (item.type.empty()) throw_broken("its picture is not described");
  std::string what = item.type;
  for (const UnreadType& unread : kUnreadTypes) {
    if (unread.item_type == item.type) what = fmt::format("{}, {}", item.type, unread.name);
  }
  throw InputError(fmt::format(
      "{}: this HEIF image is coded as {}, which is not read; convert it to JPEG or PNG", name_,
      what));
}

/// Of pictures derived from one other: itself ("iden"), or the plain one below a map of brighter
/// ones ("tmap").
const HeifItem& HeifDecoder::only_part(const HeifItem& item, int depth) const {
  constexpr int kMaxDepth = 4;
  if (depth >= kMaxDepth) throw_broken("its picture is derived of others too often");
  if (item.parts.empty()) throw_broken("the picture that its picture is derived of is missing");
  return file_.item(item.parts.front());
}

// ImageGrid: version, flags (1: sizes of 32 bits), rows - 1, columns - 1, width, height.
TileGrid HeifDecoder::grid_of(const HeifItem& item) const {
  const std::vector<std::byte> data = file_.data_of(item);
  HeifReader reader(data, name_);
  reader.u8();
  const size_t number_size = (reader.u8() & 1) != 0 ? 4 : 2;
  TileGrid grid;
  grid.rows = reader.u8() + 1;
  grid.columns = reader.u8() + 1;
  grid.size.width = static_cast<int64_t>(reader.number(number_size));
  grid.size.height = static_cast<int64_t>(reader.number(number_size));
  if (item.parts.size() != static_cast<size_t>(grid.rows) * static_cast<size_t>(grid.columns)) {
    throw_broken(fmt::format("its picture has {} x {} tiles, of which {} are named", grid.columns,
                             grid.rows, item.parts.size()));
  }
  return grid;
}

std::optional<Size> HeifDecoder::own_size(const HeifItem& item) const {
  const HeifBox* ispe = item.property("ispe");
  if (ispe == nullptr) return std::nullopt;
  HeifReader reader(ispe->body, name_);
  reader.u32();  // version and flags
  const int64_t width = reader.u32();
  return Size{width, reader.u32()};
}

std::optional<Nclx> HeifDecoder::colour_of(const HeifItem& item) const {
  for (const HeifBox& property : item.properties) {
    if (property.type != "colr") continue;
    HeifReader reader(property.body, name_);
    if (reader.type() != "nclx") continue;  // a profile
    const auto primaries = known(reader.u16(), AVCOL_PRI_NB, AVCOL_PRI_UNSPECIFIED);
    const auto transfer = known(reader.u16(), AVCOL_TRC_NB, AVCOL_TRC_UNSPECIFIED);
    const auto matrix = known(reader.u16(), AVCOL_SPC_NB, AVCOL_SPC_UNSPECIFIED);
    return Nclx{primaries, transfer, matrix, (reader.u8() & 0x80) != 0};
  }
  return std::nullopt;
}

// Width, height, and the offset of the window's centre from the picture's, as fractions.
HeifDecoder::Window HeifDecoder::window_of(const HeifBox& clap, Size size) const {
  HeifReader reader(clap.body, name_);
  double values[4];
  for (int i = 0; i < 4; ++i) {
    const auto numerator = static_cast<int32_t>(reader.u32());
    const auto denominator = static_cast<int32_t>(reader.u32());
    if (denominator == 0) throw_broken("its crop is divided by 0");
    values[i] = double{1} * numerator / denominator;
  }
  const auto [width, height, right, down] = values;
  const auto limit = [](double place, int64_t side) {
    return std::clamp<int64_t>(std::llround(place), 0, side);
  };
  Window window;
  window.left = limit(right + (static_cast<double>(size.width) - width) / 2, size.width);
  window.top = limit(down + (static_cast<double>(size.height) - height) / 2, size.height);
  window.size.width = limit(width, size.width - window.left);
  window.size.height = limit(height, size.height - window.top);
  if (window.size.width == 0 || window.size.height == 0)
    throw_broken("nothing is left by its crop");
  return window;
}

/// A turn or mirroring as EXIF has it; 0: neither.
int HeifDecoder::orientation_of(const HeifBox& property) const {
  constexpr int kQuarterTurns[] = {1, 8, 3, 6};  // anticlockwise
  constexpr int kUpsideDown = 4;
  constexpr int kLeftRight = 2;
  if (property.type == "irot") return kQuarterTurns[HeifReader(property.body, name_).u8() & 3];
  if (property.type != "imir") return 0;
  return (HeifReader(property.body, name_).u8() & 1) != 0 ? kLeftRight : kUpsideDown;
}

Image HeifDecoder::transform(Image image, const HeifItem& item) const {
  for (const HeifBox& property : item.properties) {
    if (property.type == "clap") {
      const Window window = window_of(property, {image.width, image.height});
      image = crop(image, window.left, window.top, window.size.width, window.size.height);
    } else if (const int orientation = orientation_of(property); orientation != 0) {
      image = apply_orientation(std::move(image), orientation);
    }
  }
  return image;
}

Size HeifDecoder::stated_size(const HeifItem& item, int depth) const {
  Size size;
  if (item.type == "grid") {
    size = grid_of(item).size;
  } else if (item.type == "iden" || item.type == "tmap") {
    size = stated_size(only_part(item, depth), depth + 1);
  } else if (codec_of(item) == nullptr) {
    throw_unread(item);
  } else if (const std::optional<Size> own = own_size(item)) {
    size = *own;
  } else {
    throw_broken("it does not say how large its picture is");
  }
  check_image_size(size.width, size.height, name_, limits_, kBytesPerPixel);
  for (const HeifBox& property : item.properties) {
    if (property.type == "clap") size = window_of(property, size).size;
    if (swaps_sides(orientation_of(property))) std::swap(size.width, size.height);
  }
  return size;
}

/// Ends what a few kilobytes can ask for: the same tile, small or large, named thousands of times.
void HeifDecoder::charge(int64_t pixels) {
  constexpr int64_t kTimesTheLargest = 8;
  charged_pixels_ += pixels;
  if (charged_pixels_ > kTimesTheLargest * std::max(limits_.max_pixels, kMaxPixels)) {
    throw_broken("its tiles are too many, or too large for their picture");
  }
}

Ffmpeg<AVFrame> HeifDecoder::decode_frame(const HeifItem& item, const Codec& codec) {
  const AVCodec* found = avcodec_find_decoder(codec.id);
  if (found == nullptr) {
    throw InputError(fmt::format("{}: no decoder for {} here; convert it to JPEG or PNG", name_,
                                 avcodec_get_name(codec.id)));
  }
  const Ffmpeg<AVCodecContext> decoder(allocated(avcodec_alloc_context3(found)));
  Ffmpeg<AVFrame> frame(allocated(av_frame_alloc()));
  const HeifBox* configuration = item.property(codec.configuration);
  if (configuration != nullptr) set_up(*decoder, configuration->body);
  decoder->max_pixels = limits_.max_pixels;  // checked by FFmpeg before it allocates a picture
  decoder->thread_count = 1;
  decoder->err_recognition = AV_EF_EXPLODE;
  decoder->flags |= AV_CODEC_FLAG_UNALIGNED;  // crop exactly
  const std::vector<std::byte> data = file_.data_of(item);
  if (!blank_end_) blank_end_ = blank_end_warning(data);
  int result = avcodec_open2(decoder.get(), nullptr, nullptr);
  if (result >= 0) result = avcodec_send_packet(decoder.get(), packet_of(data).get());
  if (result >= 0) result = avcodec_send_packet(decoder.get(), nullptr);
  if (result >= 0) result = avcodec_receive_frame(decoder.get(), frame.get());
  if (result >= 0) return frame;
  throw_broken(
      fmt::format("its {} data can't be decoded: {}", avcodec_get_name(codec.id),
                  result == AVERROR_EOF ? "they hold no picture" : ffmpeg_error_text(result)));
}

Image HeifDecoder::decode_coded(const HeifItem& item, const Codec& codec, Use use,
                                const Nclx* outer) {
  const Ffmpeg<AVFrame> frame = decode_frame(item, codec);
  charge(int64_t{frame->width} * frame->height);
  if (use == Use::kAlpha) {  // a value is a value, whatever it says of colours
    frame->color_range = AVCOL_RANGE_JPEG;
    frame->format = format_of_planes(frame->format, true);
    frame->color_trc = AVCOL_TRC_UNSPECIFIED;
  } else if (outer != nullptr) {
    mark(*frame, *outer);
  }
  Image image = converter_.convert(*frame, name_, limits_.max_pixels);
  const std::optional<Size> stated = own_size(item);
  if (!stated || (stated->width == image.width && stated->height == image.height)) return image;
  if (stated->width > image.width || stated->height > image.height || stated->width == 0 ||
      stated->height == 0) {
    throw_broken(fmt::format("{} x {} pixels are coded where it claims {} x {}", image.width,
                             image.height, stated->width, stated->height));
  }
  return crop(image, 0, 0, stated->width, stated->height);  // what pads blocks lies behind
}

Image HeifDecoder::decode_grid(const HeifItem& item, Use use, const Nclx* outer, int depth) {
  const TileGrid grid = grid_of(item);
  constexpr int64_t kSetUp = 512 * 512;  // a decoder is set up for each
  charge(kSetUp * grid.rows * grid.columns);
  Image picture = make_image(grid.size.width, grid.size.height, name_, limits_, kBytesPerPixel);
  Size tile_size;
  for (int row = 0; row < grid.rows; ++row) {
    for (int column = 0; column < grid.columns; ++column) {
      const auto index = static_cast<size_t>(row) * static_cast<size_t>(grid.columns) +
                         static_cast<size_t>(column);
      const Image tile = decode(file_.item(item.parts[index]), use, outer, depth + 1);
      if (index == 0) {
        tile_size = {tile.width, tile.height};
        if (tile_size.width * grid.columns < picture.width ||
            tile_size.height * grid.rows < picture.height) {
          throw_broken("its tiles do not cover its picture");
        }
      } else if (tile.width != tile_size.width || tile.height != tile_size.height) {
        throw_broken("its tiles are not of one size");
      }
      paste(tile, column * tile_size.width, row * tile_size.height, picture);
    }
  }
  return picture;
}

Image HeifDecoder::decode(const HeifItem& item, Use use, const Nclx* outer, int depth) {
  const std::optional<Nclx> own = colour_of(item);
  const Nclx* const colour = outer == nullptr && own ? &*own : outer;
  if (item.type == "iden" || item.type == "tmap") {
    return transform(decode(only_part(item, depth), use, colour, depth + 1), item);
  }
  if (item.type == "grid") {
    if (depth > 1) throw_broken("its tiles have tiles themselves");
    return transform(decode_grid(item, use, colour, depth), item);
  }
  const Codec* codec = codec_of(item);
  if (codec == nullptr) throw_unread(item);
  return transform(decode_coded(item, *codec, use, colour), item);
}

/// Nothing where it has none, or one of another size, as no alpha may be.
std::vector<uint8_t> HeifDecoder::decode_alpha(const HeifItem& primary, const Size& size) {
  const HeifItem* const item = file_.alpha_of(primary);
  if (item == nullptr) return {};
  const Size own = stated_size(*item);
  if (own.width != size.width || own.height != size.height) return {};
  const Image grey = decode(*item, Use::kAlpha);
  std::vector<uint8_t> alpha(grey.rgb.size() / 3);
  for (size_t i = 0; i < alpha.size(); ++i) alpha[i] = grey.rgb[3 * i];
  return alpha;
}

StoredImage HeifDecoder::decode_primary() {
  const HeifItem& primary = file_.primary();
  const Size size = stated_size(primary);
  StoredImage stored;
  stored.image = decode(primary, Use::kColours);
  if (stored.image.width != size.width || stored.image.height != size.height) {
    throw_broken(fmt::format("its picture is {} x {}, and not {} x {}", stored.image.width,
                             stored.image.height, size.width, size.height));
  }
  stored.alpha = decode_alpha(primary, size);
  if (blank_end_) stored.warnings.push_back(*blank_end_);
  if (file_.is_premultiplied(primary)) {
    for (size_t i = 0; i < stored.alpha.size(); ++i) {
      divide_by_alpha(stored.image.rgb.data() + 3 * i, stored.alpha[i]);
    }
  }
  return stored;
}

}  // namespace

StoredSize read_heif_size(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  const HeifFile file(bytes, name);
  const Size size = HeifDecoder(file, name, limits).stated_size(file.primary());
  return {size.width, size.height, 1};
}

StoredImage decode_heif(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  const SilentFfmpeg silent;
  const HeifFile file(bytes, name);
  return HeifDecoder(file, name, limits).decode_primary();
}

}  // namespace owl3
