// WebP through libwebp: lossy, lossless, with or without alpha; the first frame of an animation.
#include <webp/decode.h>

#include "core/error.h"
#include "media/alpha.h"
#include "media/blank_end.h"
#include "media/decode_formats.h"
#include "media/orientation.h"
#include "media/webp_demuxer.h"

namespace owl3 {
namespace {

using webp::Demuxer;
using webp::FrameIterator;

[[noreturn]] void throw_broken(const std::string& name, const char* what) {
  throw InputError(fmt::format("{}: broken WebP: {}", name, what));
}

/// Its chunks found, as far as they go; nothing is decoded.
struct OpenWebp {
  Demuxer demuxer;
  bool is_whole = false;
};
OpenWebp open_webp(Bytes bytes, const std::string& name) {
  const WebPData data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  Demuxer demuxer(WebPDemuxPartial(&data, &state));
  if (demuxer == nullptr) {
    const bool is_cut = state == WEBP_DEMUX_PARSING_HEADER;
    throw_broken(name, is_cut ? "it breaks off in its header" : "its chunks don't fit together");
  }
  return {std::move(demuxer), state == WEBP_DEMUX_DONE};
}

struct ChunkIterator : WebPChunkIterator {
  ChunkIterator() : WebPChunkIterator{} {}
  ~ChunkIterator() { WebPDemuxReleaseChunkIterator(this); }
  ChunkIterator(const ChunkIterator&) = delete;
  ChunkIterator& operator=(const ChunkIterator&) = delete;
};

/// Decodes a frame to its place on the canvas. False for one that can't be decoded.
bool decode_frame(const WebPIterator& frame, StoredImage& stored) {
  Image& canvas = stored.image;
  const bool fits = frame.x_offset >= 0 && frame.y_offset >= 0 && frame.width > 0 &&
                    frame.height > 0 && frame.x_offset <= canvas.width - frame.width &&
                    frame.y_offset <= canvas.height - frame.height;
  if (!fits) return false;
  const size_t first_pixel =
      static_cast<size_t>(frame.y_offset) * canvas.width + static_cast<size_t>(frame.x_offset);
  if (stored.alpha.empty()) {
    const size_t offset = first_pixel * 3;
    return WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, canvas.rgb.data() + offset,
                             canvas.rgb.size() - offset, canvas.width * 3) != nullptr;
  }
  const auto width = static_cast<size_t>(frame.width);
  const auto height = static_cast<size_t>(frame.height);
  std::vector<uint8_t> rgba(width * height * 4);
  if (WebPDecodeRGBAInto(frame.fragment.bytes, frame.fragment.size, rgba.data(), rgba.size(),
                         frame.width * 4) == nullptr) {
    return false;
  }
  for (size_t y = 0; y < height; ++y) {
    const size_t pixel = first_pixel + y * canvas.width;
    split_rgba(rgba.data() + y * width * 4, width, canvas.rgb.data() + pixel * 3,
               stored.alpha.data() + pixel);
  }
  return true;
}

}  // namespace

int webp::read_orientation(const WebPDemuxer* demuxer) {
  ChunkIterator exif;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &exif) == 0) return 1;
  return read_exif_orientation(
      {reinterpret_cast<const std::byte*>(exif.chunk.bytes), exif.chunk.size});
}

StoredSize read_webp_size(Bytes bytes, const std::string& name) {
  const Demuxer demuxer = open_webp(bytes, name).demuxer;
  return {WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
          WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
          webp::read_orientation(demuxer.get())};
}

StoredImage decode_webp(Bytes bytes, const std::string& name, const DecodeLimits& limits) {
  const auto [demuxer, is_whole] = open_webp(bytes, name);
  FrameIterator frame;
  if (WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0) {
    throw_broken(name, is_whole ? "it holds no picture" : "it breaks off before its pixels");
  }
  const uint32_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const uint32_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  StoredImage stored;
  const bool covers =
      frame.width == static_cast<int>(width) && frame.height == static_cast<int>(height);
  const bool has_alpha = frame.has_alpha != 0 || !covers;
  constexpr int64_t kWithAlpha = 8;      // RGBA as it is read, and in two parts
  constexpr int64_t kLosslessBytes = 4;  // libwebp's own ARGB
  stored.image =
      make_image(width, height, name, limits, (has_alpha ? kWithAlpha : 3) + kLosslessBytes);
  if (has_alpha) stored.alpha.resize(stored.image.rgb.size() / 3);
  if (frame.complete == 0) throw_broken(name, "it breaks off before its pixels end");
  if (!decode_frame(frame, stored)) throw_broken(name, "its pixels can't be decoded");
  const Bytes coded(reinterpret_cast<const std::byte*>(frame.fragment.bytes), frame.fragment.size);
  if (auto warning = blank_end_warning(coded)) stored.warnings.push_back(std::move(*warning));
  if (!is_whole) {
    stored.warnings.emplace_back("the WebP breaks off behind its (first) picture, which is whole");
  }
  stored.orientation = webp::read_orientation(demuxer.get());
  return stored;
}

}  // namespace owl3
