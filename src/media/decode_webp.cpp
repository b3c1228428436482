// WebP through libwebp: lossy, lossless, with or without alpha; the first frame of an animation.
#include <webp/decode.h>

#include "core/error.h"
#include "media/decode_formats.h"
#include "media/orientation.h"
#include "media/webp_demuxer.h"

namespace owl3 {
namespace {

using webp::Demuxer;
using webp::FrameIterator;

[[noreturn]] void throw_not_whole(const std::string& name) {
  throw InputError(fmt::format("{}: broken WebP: not a whole file", name));
}

/// Finds the chunks; decodes nothing.
Demuxer open_demuxer(Bytes bytes, const std::string& name) {
  const WebPData data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  Demuxer demuxer(WebPDemux(&data));
  if (demuxer == nullptr) throw_not_whole(name);
  return demuxer;
}

struct ChunkIterator : WebPChunkIterator {
  ChunkIterator() : WebPChunkIterator{} {}
  ~ChunkIterator() { WebPDemuxReleaseChunkIterator(this); }
  ChunkIterator(const ChunkIterator&) = delete;
  ChunkIterator& operator=(const ChunkIterator&) = delete;
};

/// Decodes a frame to its place on the canvas.
bool decode_frame(const WebPIterator& frame, Image& canvas) {
  const bool fits = frame.x_offset >= 0 && frame.y_offset >= 0 && frame.width > 0 &&
                    frame.height > 0 && frame.x_offset <= canvas.width - frame.width &&
                    frame.y_offset <= canvas.height - frame.height;
  if (!fits) return false;
  const size_t stride = static_cast<size_t>(canvas.width) * 3;
  const size_t offset =
      static_cast<size_t>(frame.y_offset) * stride + static_cast<size_t>(frame.x_offset) * 3;
  return WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, canvas.rgb.data() + offset,
                           canvas.rgb.size() - offset, static_cast<int>(stride)) != nullptr;
}

}  // namespace

int webp::read_orientation(const WebPDemuxer* demuxer) {
  ChunkIterator exif;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &exif) == 0) return 1;
  return read_exif_orientation(
      {reinterpret_cast<const std::byte*>(exif.chunk.bytes), exif.chunk.size});
}

StoredSize read_webp_size(Bytes bytes, const std::string& name) {
  const Demuxer demuxer = open_demuxer(bytes, name);
  return {WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
          WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
          webp::read_orientation(demuxer.get())};
}

StoredImage decode_webp(Bytes bytes, const std::string& name, int64_t max_pixels) {
  const Demuxer demuxer = open_demuxer(bytes, name);
  FrameIterator frame;
  if (WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0) throw_not_whole(name);
  StoredImage stored;
  stored.image = make_image(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                            WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), name, max_pixels);
  if (!decode_frame(frame, stored.image)) {
    throw InputError(fmt::format("{}: broken WebP: its pixels can't be decoded", name));
  }
  stored.orientation = webp::read_orientation(demuxer.get());
  return stored;
}

}  // namespace owl3
