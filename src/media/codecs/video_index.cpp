#include "media/codecs/video_index.h"

#include <algorithm>
#include <span>

#include "core/error.h"
#include "media/codecs/field_pairs.h"
#include "media/codecs/mpeg_video.h"

namespace owl3 {
namespace {

struct Packet {
  int64_t pts;
  int64_t dts;
  int64_t duration;
  bool shown;
  bool key;
  bool corrupt;       // the container lost some of it
  bool closed_group;  // what precedes this key frame on the screen needs nothing before it
};

bool is_mpeg_video(AVCodecID codec) {
  return codec == AV_CODEC_ID_MPEG1VIDEO || codec == AV_CODEC_ID_MPEG2VIDEO;
}

/// Whether decoding the packet shows a frame.
bool is_shown(const AVPacket& packet, AVCodecID codec) {
  if (packet.size == 0 || (packet.flags & AV_PKT_FLAG_DISCARD) != 0) return false;
  // VP8 keeps its hidden reference frames in packets of their own (RFC 6386, 9.1: show_frame).
  if (codec == AV_CODEC_ID_VP8) return (packet.data[0] & 0x10) != 0;
  return true;
}

Packet describe(const AVPacket& packet, AVCodecID codec) {
  const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  const bool closed =
      key && is_mpeg_video(codec) && packet.size > 0 &&
      read_mpeg_picture({packet.data, static_cast<size_t>(packet.size)}).closed_group;
  return {packet.pts,
          packet.dts,
          packet.duration,
          is_shown(packet, codec),
          key,
          (packet.flags & AV_PKT_FLAG_CORRUPT) != 0,
          closed};
}

/// The second field of a frame adds to it what it has: its time on the screen.
void join_fields(std::vector<Packet>& packets) {
  Packet& second = packets.back();
  Packet& first = packets[packets.size() - 2];
  second.shown = second.key = false;
  first.duration += second.duration;
}

int64_t median(std::vector<int64_t> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The packets where the clock jumps: back, or forward by far more than is usual in this film. Only
/// formats that are made for joining and tuning in have such places.
std::vector<size_t> find_jumps(const Film& film, const std::vector<Packet>& packets) {
  if ((film.format->iformat->flags & AVFMT_TS_DISCONT) == 0) return {};
  std::vector<std::pair<size_t, int64_t>> steps;  // packet, from the one before
  std::vector<int64_t> forward;
  int64_t last = AV_NOPTS_VALUE;
  for (size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].dts == AV_NOPTS_VALUE) continue;
    if (last != AV_NOPTS_VALUE) {
      steps.emplace_back(i, packets[i].dts - last);
      if (packets[i].dts > last) forward.push_back(packets[i].dts - last);
    }
    last = packets[i].dts;
  }
  constexpr int kSeconds = 10;      // no film stands still for longer,
  constexpr int64_t kUsually = 20;  // unless it does so all the time
  const int64_t usual = median(std::move(forward));
  const int64_t far =
      std::max(av_rescale_q(kSeconds, {1, 1}, film.stream->time_base), kUsually * usual);
  std::vector<size_t> jumps;
  for (const auto& [packet, step] : steps) {
    if (step < -usual || step > far) jumps.push_back(packet);
  }
  return jumps;
}

/// Pictures that precede the first key frame lack their references: decoders show none of them.
void drop_undecodable_start(std::span<Packet> packets, AVCodecID codec) {
  if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC && !is_mpeg_video(codec)) return;
  const auto first_key =
      std::find_if(packets.begin(), packets.end(), [](const Packet& p) { return p.key; });
  if (first_key == packets.end()) return;
  for (auto packet = packets.begin(); packet != packets.end(); ++packet) {
    const bool leads = packet->pts != AV_NOPTS_VALUE && packet->pts < first_key->pts;
    if (packet < first_key || (leads && !first_key->closed_group)) packet->shown = false;
  }
}

/// The median time from frame to frame within the parts.
int64_t usual_interval(const std::vector<Packet>& packets, const std::vector<size_t>& starts) {
  std::vector<int64_t> intervals;
  for (size_t part = 0; part < starts.size(); ++part) {
    const size_t end = part + 1 < starts.size() ? starts[part + 1] : packets.size();
    std::vector<int64_t> times;
    for (size_t i = starts[part]; i < end; ++i) {
      if (packets[i].shown && packets[i].pts != AV_NOPTS_VALUE) times.push_back(packets[i].pts);
    }
    std::sort(times.begin(), times.end());
    for (size_t i = 1; i < times.size(); ++i) intervals.push_back(times[i] - times[i - 1]);
  }
  return median(std::move(intervals));
}

/// Sets the parts one behind the other: each begins an interval after the last frame before it.
std::vector<VideoIndex::Part> lay_out_parts(const std::vector<Packet>& packets,
                                            const std::vector<size_t>& starts, int64_t interval) {
  std::vector<VideoIndex::Part> parts;
  int64_t next_pts = AV_NOPTS_VALUE;
  for (size_t part = 0; part < starts.size(); ++part) {
    const size_t end = part + 1 < starts.size() ? starts[part + 1] : packets.size();
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    for (size_t i = starts[part]; i < end; ++i) {
      if (!packets[i].shown || packets[i].pts == AV_NOPTS_VALUE) continue;
      first = std::min(first, packets[i].pts);
      last = std::max(last, packets[i].pts);
    }
    const bool is_empty = first > last;
    const int64_t offset = is_empty || next_pts == AV_NOPTS_VALUE ? 0 : next_pts - first;
    parts.push_back({static_cast<int64_t>(starts[part]), offset});
    if (!is_empty) next_pts = last + offset + interval;
  }
  return parts;
}

/// Where one recording ends and another begins, the container misses something that never was, and
/// says so of the packet before, or, where packets are cut to frames, of the one before that.
void forgive_at_jumps(std::vector<Packet>& packets, const std::vector<size_t>& starts) {
  for (const size_t start : starts) {
    for (size_t i = start - std::min<size_t>(start, 2); start > 0 && i <= start; ++i) {
      packets[i].corrupt = false;
    }
  }
}

void list_frames(const std::vector<Packet>& packets, VideoIndex& index) {
  size_t part = 0;
  bool damaged = false;  // up to the next key frame
  for (size_t i = 0; i < packets.size(); ++i) {
    const auto number = static_cast<int64_t>(i);
    if (part + 1 < index.parts.size() && index.parts[part + 1].first_packet <= number) ++part;
    const int64_t offset = index.parts[part].offset;
    const Packet& p = packets[i];
    damaged = p.corrupt || (damaged && !p.key);
    if (!p.shown) continue;
    const int64_t pts = p.pts == AV_NOPTS_VALUE ? p.pts : p.pts + offset;
    index.frames.push_back({pts, p.duration, number, damaged});
    if (p.key) index.key_frames.push_back({pts, p.dts, number});
  }
  std::stable_sort(index.frames.begin(), index.frames.end(),
                   [](const auto& a, const auto& b) { return a.pts < b.pts; });
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
  if (index.parts.size() > 1) return false;  // it has seen the clock at both ends only
  int64_t duration = film.stream->duration;
  if (duration == AV_NOPTS_VALUE && film.format->nb_streams == 1 &&
      film.format->duration != AV_NOPTS_VALUE) {
    duration = av_rescale_q(film.format->duration, AV_TIME_BASE_Q, film.stream->time_base);
  }
  if (duration == AV_NOPTS_VALUE || !index.has_timestamps || index.frames.empty()) return false;
  const int64_t shown = index.end_pts() - index.frames.front().pts;
  const int64_t second = av_rescale_q(1, {1, 1}, film.stream->time_base);
  return shown + std::max(second, duration / 20) < duration;
}

}  // namespace

VideoIndex index_film(const Film& film) {
  const AVCodecID codec = film.stream->codecpar->codec_id;
  const Ffmpeg<AVPacket> packet(allocated(av_packet_alloc()));
  VideoIndex index;
  FieldPairs fields(*film.stream);
  std::vector<Packet> packets;
  bool last_is_damaged = false;
  int result = 0;
  while ((result = film.read_packet(packet.get())) >= 0) {
    packets.push_back(describe(*packet, codec));
    if (fields.is_second_field(*packet)) {
      join_fields(packets);
      index.has_field_packets = true;
    }
    last_is_damaged = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  }
  if (last_is_damaged) packets.pop_back();  // half a frame

  std::vector<size_t> starts = find_jumps(film, packets);
  starts.insert(starts.begin(), 0);
  for (size_t part = 0; part < starts.size(); ++part) {
    const size_t end = part + 1 < starts.size() ? starts[part + 1] : packets.size();
    drop_undecodable_start(std::span(packets).subspan(starts[part], end - starts[part]), codec);
  }
  index.packets = static_cast<int64_t>(packets.size());
  index.frame_interval = usual_interval(packets, starts);
  index.parts = lay_out_parts(packets, starts, index.frame_interval);
  forgive_at_jumps(packets, starts);
  list_frames(packets, index);
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

int64_t VideoIndex::end_pts() const {
  const Frame& last = frames.back();
  return last.pts + (last.duration > 0 ? last.duration : frame_interval);
}

}  // namespace owl3
