#include "media/codecs/film_decoder.h"

#include <algorithm>

#include "core/error.h"
#include "core/threads.h"

namespace owl3 {
namespace {

/// Codecs whose B frames can be left out without any effect on the others.
bool can_skip_unreferenced(const AVCodecParameters& parameters) {
  switch (parameters.codec_id) {
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
      break;
    default:
      return false;
  }
  // Of two fields one may be a reference and the other not.
  return parameters.field_order == AV_FIELD_UNKNOWN ||
         parameters.field_order == AV_FIELD_PROGRESSIVE;
}

}  // namespace

FilmDecoder::FilmDecoder(std::filesystem::path path, const VideoIndex& index,
                         std::vector<int64_t> wanted, const VideoOptions& options, FilmWatch& watch)
    : path_(std::move(path)),
      index_(index),
      wanted_(std::move(wanted)),
      threads_(options.threads > 0 ? options.threads : available_threads()),
      max_pixels_(options.max_pixels),
      watch_(watch),
      packet_(allocated(av_packet_alloc())),
      frame_(allocated(av_frame_alloc())) {
  start_over(!index.has_timestamps);
}

void FilmDecoder::start_over(bool plain) {
  decoder_.reset();  // before the film whose stream it was made for
  film_ = open_film(path_, watch_);
  decoder_ = make_decoder(*film_.stream, path_.string());
  decoder_->thread_count = threads_;
  // With a thread a frame, H.264's decoder gives frames out before it knows what it had to patch.
  const bool is_h264 = film_.stream->codecpar->codec_id == AV_CODEC_ID_H264;
  decoder_->thread_type = is_h264 ? FF_THREAD_SLICE : FF_THREAD_FRAME | FF_THREAD_SLICE;
  decoder_->max_pixels = max_pixels_;
  if (const int result = avcodec_open2(decoder_.get(), nullptr, nullptr); result < 0) {
    throw InputError(fmt::format("{}: its {} video can't be decoded: {}", path_.string(),
                                 avcodec_get_name(film_.stream->codecpar->codec_id),
                                 ffmpeg_error_text(result)));
  }
  av_frame_unref(frame_.get());
  av_packet_unref(packet_.get());
  plain_ = plain;
  may_skip_ = !plain && !index_.has_field_packets && can_skip_unreferenced(*film_.stream->codecpar);
  has_frame_ = packet_is_read_ = ended_ = part_ends_ = damage_lasts_ = false;
  next_packet_ = frames_passed_ = 0;
  part_ = 0;
}

const AVFrame* FilmDecoder::decode(int64_t frame) {
  if (!plain_) {
    seek_when_faster(index_.frames[frame]);
    if (const AVFrame* found = decode_through(frame)) return found;
    // Some streams hide a dependence behind a key frame (gradual refresh, a wrong mark). Only
    // decoding from the start is sure then.
    start_over(true);
  }
  return decode_through(frame);
}

const AVFrame* FilmDecoder::decode_through(int64_t frame) {
  const int64_t pts = index_.frames[frame].pts;
  while (has_frame_ || receive_frame()) {
    if (!index_.has_timestamps) {
      has_frame_ = false;
      if (frames_passed_++ == frame) return frame_.get();
      continue;
    }
    const int64_t shown =
        frame_->pts != AV_NOPTS_VALUE ? frame_->pts : frame_->best_effort_timestamp;
    if (shown > pts) return nullptr;  // kept: it may be the next one wanted
    has_frame_ = false;
    if (shown == pts) return frame_.get();
  }
  return nullptr;
}

/// Decodes the next frame into frame_; false at the end of the film.
bool FilmDecoder::receive_frame() {
  while (!ended_) {
    const int result = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (result >= 0) {
      note_damage();
      return has_frame_ = true;
    }
    if (result == AVERROR_EOF && part_ends_) {
      avcodec_flush_buffers(decoder_.get());
      part_ends_ = damage_lasts_ = false;
      ++part_;
    } else if (result == AVERROR_EOF) {
      ended_ = true;
    } else if (result == AVERROR(EAGAIN)) {
      send_packet();
    } else {
      damage_lasts_ = true;
    }
  }
  return false;
}

void FilmDecoder::note_damage() {
  const bool is_patched =
      frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0;
  if (frame_->key_frame != 0) damage_lasts_ = false;
  frame_is_damaged_ = is_patched || damage_lasts_;
  if (is_patched && frame_->pict_type != AV_PICTURE_TYPE_B) damage_lasts_ = true;
}

bool FilmDecoder::begins_part(int64_t packet) const {
  return part_ + 1 < index_.parts.size() && index_.parts[part_ + 1].first_packet == packet;
}

void FilmDecoder::send_packet() {
  if (!packet_is_read_) {
    const bool more = next_packet_ < index_.packets && film_.read_packet(packet_.get()) >= 0;
    if (!more) {
      avcodec_send_packet(decoder_.get(), nullptr);  // from now on it yields what it holds, to EOF
      return;
    }
  }
  if (begins_part(next_packet_)) {
    // Each part is decoded as a film of its own: what is waiting comes out first.
    packet_is_read_ = part_ends_ = true;
    avcodec_send_packet(decoder_.get(), nullptr);
    return;
  }
  packet_is_read_ = false;
  ++next_packet_;
  const int64_t offset = index_.parts[part_].offset;
  if (packet_->pts != AV_NOPTS_VALUE) packet_->pts += offset;
  if (packet_->dts != AV_NOPTS_VALUE) packet_->dts += offset;
  const bool skip = may_skip_ && packet_->pts != AV_NOPTS_VALUE && !is_wanted(packet_->pts);
  decoder_->skip_frame = skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  if (avcodec_send_packet(decoder_.get(), packet_.get()) < 0) damage_lasts_ = true;
}

bool FilmDecoder::is_wanted(int64_t pts) const {
  const auto at =
      std::lower_bound(wanted_.begin(), wanted_.end(), pts,
                       [&](int64_t frame, int64_t p) { return index_.frames[frame].pts < p; });
  return at != wanted_.end() && index_.frames[*at].pts == pts;
}

void FilmDecoder::seek_when_faster(const VideoIndex::Frame& frame) {
  // What a seek costs: the decoder's pipeline empties and the frames in it are decoded for nothing.
  const int64_t worth_packets = 8 + threads_;
  if (index_.parts.size() > 1) return;  // times in the file are not unique
  const VideoIndex::KeyFrame* key = index_.key_frame_before(frame);
  if (key == nullptr || key->packet < next_packet_ + worth_packets) return;
  // Some containers seek by presentation times, others by decoding times.
  if (seek_to(*key, key->pts)) return;
  if (key->dts != AV_NOPTS_VALUE && seek_to(*key, key->dts)) return;
  start_over(true);
}

/// Makes the key frame's packet the next one sent. False when the container doesn't lead there.
bool FilmDecoder::seek_to(const VideoIndex::KeyFrame& key, int64_t timestamp) {
  const int flags = AVSEEK_FLAG_BACKWARD;
  if (av_seek_frame(film_.format.get(), film_.stream->index, timestamp, flags) < 0) return false;
  while (film_.read_packet(packet_.get()) >= 0) {
    if (packet_->pts == key.pts && (packet_->flags & AV_PKT_FLAG_KEY) != 0) {
      avcodec_flush_buffers(decoder_.get());
      packet_is_read_ = true;
      next_packet_ = key.packet;
      has_frame_ = ended_ = damage_lasts_ = false;
      return true;
    }
    const VideoIndex::Frame* landed = index_.find(packet_->pts);
    if (landed != nullptr && landed->packet > key.packet) return false;
  }
  return false;
}

}  // namespace owl3
