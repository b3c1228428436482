#include "media/video_index.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {
namespace {

struct Packet {
  int64_t pts;
  int64_t dts;
  bool shown;
  bool key;
};

/// Whether decoding the packet shows a frame.
bool is_shown(const AVPacket& packet, AVCodecID codec) {
  if (packet.size == 0 || (packet.flags & AV_PKT_FLAG_DISCARD) != 0) return false;
  // VP8 keeps its hidden reference frames in packets of their own (RFC 6386, 9.1: show_frame).
  if (codec == AV_CODEC_ID_VP8) return (packet.data[0] & 0x10) != 0;
  return true;
}

/// Pictures that precede the first key frame lack their references: decoders show none of them.
void drop_undecodable_start(std::vector<Packet>& packets, AVCodecID codec) {
  if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC) return;
  const auto first_key =
      std::find_if(packets.begin(), packets.end(), [](const Packet& p) { return p.key; });
  if (first_key == packets.end()) return;
  for (auto packet = packets.begin(); packet != packets.end(); ++packet) {
    if (packet < first_key || (packet->pts != AV_NOPTS_VALUE && packet->pts < first_key->pts)) {
      packet->shown = false;
    }
  }
}

bool have_own_timestamps(const std::vector<VideoIndex::Frame>& frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].pts == AV_NOPTS_VALUE) return false;
    if (i > 0 && frames[i].pts == frames[i - 1].pts) return false;
  }
  return true;
}

/// Whether the container promised more than its packets held.
bool promises_more(const Film& film, int64_t packets, const VideoIndex& index) {
  if (avformat_index_get_entries_count(film.stream) > packets) return true;
  int64_t duration = film.stream->duration;
  if (duration == AV_NOPTS_VALUE && film.format->nb_streams == 1 &&
      film.format->duration != AV_NOPTS_VALUE) {
    duration = av_rescale_q(film.format->duration, AV_TIME_BASE_Q, film.stream->time_base);
  }
  if (duration == AV_NOPTS_VALUE || !index.has_timestamps || index.frames.empty()) return false;
  const int64_t shown = index.frames.back().pts - index.frames.front().pts;
  const int64_t second = av_rescale_q(1, {1, 1}, film.stream->time_base);
  return shown + std::max(second, duration / 20) < duration;
}

}  // namespace

VideoIndex index_film(const Film& film) {
  const AVCodecID codec = film.stream->codecpar->codec_id;
  const Ffmpeg<AVPacket> packet(av_packet_alloc());
  OWL3_CHECK(packet != nullptr);
  std::vector<Packet> packets;
  bool last_is_damaged = false;
  int result = 0;
  while ((result = film.read_packet(packet.get())) >= 0) {
    packets.push_back({packet->pts, packet->dts, is_shown(*packet, codec),
                       (packet->flags & AV_PKT_FLAG_KEY) != 0});
    last_is_damaged = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  }
  if (last_is_damaged) packets.pop_back();  // half a frame
  drop_undecodable_start(packets, codec);

  VideoIndex index;
  index.packets = static_cast<int64_t>(packets.size());
  for (size_t i = 0; i < packets.size(); ++i) {
    const Packet& p = packets[i];
    if (!p.shown) continue;
    index.frames.push_back({p.pts, static_cast<int64_t>(i)});
    if (p.key) index.key_frames.push_back({p.pts, p.dts, static_cast<int64_t>(i)});
  }
  std::stable_sort(index.frames.begin(), index.frames.end(),
                   [](const auto& a, const auto& b) { return a.pts < b.pts; });
  index.has_timestamps = have_own_timestamps(index.frames);
  index.breaks_off =
      result != AVERROR_EOF || last_is_damaged || promises_more(film, index.packets, index);
  return index;
}

const VideoIndex::Frame* VideoIndex::find(int64_t pts) const {
  const auto at = std::lower_bound(frames.begin(), frames.end(), pts,
                                   [](const Frame& frame, int64_t p) { return frame.pts < p; });
  return at != frames.end() && at->pts == pts ? &*at : nullptr;
}

const VideoIndex::KeyFrame* VideoIndex::key_frame_before(const Frame& frame) const {
  auto at = std::upper_bound(key_frames.begin(), key_frames.end(), frame.packet,
                             [](int64_t p, const KeyFrame& key) { return p < key.packet; });
  while (at != key_frames.begin()) {
    --at;  // a picture shown before a key frame may stand behind it in the file
    if (at->pts <= frame.pts) return &*at;
  }
  return nullptr;
}

}  // namespace owl3
