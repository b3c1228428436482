#include "media/webp_animation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"
#include "core/regular_file.h"
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
    : name_(path.string()), watch_(watch), file_(MappedFile::open(path)), max_pixels_(max_pixels) {
  watch.allow_seconds(film_seconds_allowed(static_cast<int64_t>(file_->bytes().size())));
  read_times();
  make_decoder();
}

void WebpAnimation::read_times() {
  const Bytes bytes = file_->bytes();
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const WebPData webp{data, bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  const webp::Demuxer demuxer(WebPDemuxPartial(&webp, &state));
  webp::FrameIterator frame;
  size_t end_of_frames = 0;
  int64_t end_milliseconds = 0;
  if (demuxer != nullptr && WebPDemuxGetFrame(demuxer.get(), 1, &frame) != 0) {
    do {
      if (frame.complete == 0) break;
      times_.seconds.push_back(static_cast<double>(end_milliseconds) * 1e-3);
      end_milliseconds += shown_milliseconds(frame);
      end_of_frames = static_cast<size_t>(frame.fragment.bytes - data) + frame.fragment.size;
    } while (WebPDemuxNextFrame(&frame) != 0);
  }
  if (times_.seconds.empty()) {
    throw InputError(fmt::format("{}: broken WebP: not a whole frame", name_));
  }
  orientation_ = webp::read_orientation(demuxer.get());
  times_.end_seconds = static_cast<double>(end_milliseconds) * 1e-3;
  times_.fps = static_cast<double>(times_.seconds.size()) / times_.end_seconds;
  breaks_off_ = state != WEBP_DEMUX_DONE;
  if (!breaks_off_) return;
  whole_part_.assign(data, data + end_of_frames);
  if (whole_part_.size() % 2 != 0) whole_part_.push_back(0);  // chunks are padded
  write_little_endian(whole_part_.data() + 4, whole_part_.size() - kChunkHeaderBytes);
}

void WebpAnimation::make_decoder() {
  const Bytes bytes = file_->bytes();
  const WebPData data =
      breaks_off_ ? WebPData{whole_part_.data(), whole_part_.size()}
                  : WebPData{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  if (WebPGetFeatures(data.bytes, data.size, &features_) != VP8_STATUS_OK) {
    throw InputError(fmt::format("{}: broken WebP: its header can't be read", name_));
  }
  constexpr int64_t kBytesPerPixel = 3 + 3 * 4;  // the frame, and what libwebp keeps of the canvas
  check_image_size(features_.width, features_.height, name_, {max_pixels_, {}}, kBytesPerPixel);
  decoder_.reset(WebPAnimDecoderNew(&data, nullptr));
  if (decoder_ == nullptr) {
    throw InputError(
        fmt::format("{}: broken WebP: its frames can't be read, or not enough memory", name_));
  }
}

std::optional<Image> WebpAnimation::decode(int64_t frame) {
  uint8_t* rgba = nullptr;
  int end_milliseconds = 0;
  while (next_ <= frame) {
    watch_.check();
    if (WebPAnimDecoderGetNext(decoder_.get(), &rgba, &end_milliseconds) == 0) {
      ended_ = true;  // later frames are drawn over what is missing
      return std::nullopt;
    }
    ++next_;
  }
  return apply_orientation(over_white(rgba), orientation_);
}

Image WebpAnimation::over_white(const uint8_t* rgba) const {
  Image image = make_image(features_.width, features_.height, name_, {.max_pixels = max_pixels_});
  for (uint8_t* out = image.rgb.data(); out != image.rgb.data() + image.rgb.size(); rgba += 4) {
    for (int channel = 0; channel < 3; ++channel) {
      *out++ = laid_over(rgba[channel], rgba[3], kWhite);
    }
  }
  return image;
}

}  // namespace owl3
