#include "media/webp_animation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"
#include "media/alpha.h"
#include "media/decode_formats.h"
#include "media/orientation.h"
#include "media/webp_demuxer.h"

namespace owl3 {
namespace {

constexpr size_t kRiffHeaderBytes = 12;
constexpr size_t kChunkHeaderBytes = 8;

int64_t shown_milliseconds(const WebPIterator& frame) {
  return frame.duration > 10 ? frame.duration : 100;
}

void write_little_endian(uint8_t* out, size_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

bool is_webp(const std::filesystem::path& path) {
  try {
    const RegularFile file = RegularFile::open(path);
    std::array<char, kRiffHeaderBytes> header{};
    const bool whole = ::pread(file.descriptor(), header.data(), header.size(), 0) ==
                       static_cast<ssize_t>(header.size());
    return whole && std::memcmp(header.data(), "RIFF", 4) == 0 &&
           std::memcmp(header.data() + 8, "WEBP", 4) == 0;
  } catch (const InputError&) {
    return false;  // told by whoever opens it
  }
}

WebpAnimation::WebpAnimation(const std::filesystem::path& path, FilmWatch& watch,
                             int64_t max_pixels)
    : name_(path.string()),
      watch_(watch),
      file_(MappedFile::open(path)),
      frame_(allocated(av_frame_alloc())) {
  watch.allow_seconds(film_seconds_allowed(static_cast<int64_t>(file_->bytes().size())));
  read_index();
  make_decoder(max_pixels);
}

void WebpAnimation::read_index() {
  const Bytes bytes = file_->bytes();
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const WebPData webp{data, bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  const webp::Demuxer demuxer(WebPDemuxPartial(&webp, &state));
  webp::FrameIterator frame;
  size_t end_of_frames = 0;
  if (demuxer != nullptr && WebPDemuxGetFrame(demuxer.get(), 1, &frame) != 0) {
    do {
      if (frame.complete == 0) break;
      index_.frames.push_back(
          {.pts = end_, .duration = shown_milliseconds(frame), .packet = index_.packets++});
      end_ += shown_milliseconds(frame);
      end_of_frames = static_cast<size_t>(frame.fragment.bytes - data) + frame.fragment.size;
    } while (WebPDemuxNextFrame(&frame) != 0);
  }
  if (index_.frames.empty()) {
    throw InputError(fmt::format("{}: broken WebP: not a whole frame", name_));
  }
  orientation_ = webp::read_orientation(demuxer.get());
  index_.key_frames.push_back({0, 0, 0});
  index_.has_timestamps = true;
  index_.breaks_off = state != WEBP_DEMUX_DONE;
  if (!index_.breaks_off) return;
  whole_part_.assign(data, data + end_of_frames);
  if (whole_part_.size() % 2 != 0) whole_part_.push_back(0);  // chunks are padded
  write_little_endian(whole_part_.data() + 4, whole_part_.size() - kChunkHeaderBytes);
}

void WebpAnimation::make_decoder(int64_t max_pixels) {
  const Bytes bytes = file_->bytes();
  const WebPData data =
      index_.breaks_off ? WebPData{whole_part_.data(), whole_part_.size()}
                        : WebPData{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data.bytes, data.size, &features) != VP8_STATUS_OK) {
    throw InputError(fmt::format("{}: broken WebP: its header can't be read", name_));
  }
  constexpr int64_t kBytesPerPixel = 3 + 3 * 4;  // the frame, and what libwebp keeps of the canvas
  check_image_size(features.width, features.height, name_, {max_pixels, {}}, kBytesPerPixel);
  decoder_.reset(WebPAnimDecoderNew(&data, nullptr));
  frame_->format = AV_PIX_FMT_RGB24;
  frame_->width = features.width;
  frame_->height = features.height;
  if (decoder_ == nullptr || av_frame_get_buffer(frame_.get(), 0) < 0) {
    throw InputError(
        fmt::format("{}: broken WebP: its frames can't be read, or not enough memory", name_));
  }
}

const AVFrame* WebpAnimation::decode(int64_t frame) {
  uint8_t* rgba = nullptr;
  int end_milliseconds = 0;
  while (next_ <= frame) {
    watch_.check();
    if (WebPAnimDecoderGetNext(decoder_.get(), &rgba, &end_milliseconds) == 0) {
      ended_ = true;  // later frames are drawn over what is missing
      return nullptr;
    }
    ++next_;
  }
  copy_over_white(rgba);
  return frame_.get();
}

void WebpAnimation::copy_over_white(const uint8_t* rgba) {
  for (int y = 0; y < frame_->height; ++y) {
    uint8_t* out = frame_->data[0] + ptrdiff_t{y} * frame_->linesize[0];
    for (int x = 0; x < frame_->width; ++x, rgba += 4, out += 3) {
      const int alpha = rgba[3];
      for (int channel = 0; channel < 3; ++channel) {
        out[channel] = laid_over(rgba[channel], alpha, kWhite);
      }
    }
  }
}

}  // namespace owl3
