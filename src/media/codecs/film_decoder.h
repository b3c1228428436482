// Decoding single frames out of a film, at the least cost that gives exactly the frames that
// decoding everything would give.
#pragma once

#include <filesystem>
#include <vector>

#include "media/codecs/video_index.h"
#include "owl3/options.h"

namespace owl3 {

class FilmDecoder {
 public:
  /// `wanted`: the frames that decode() will be asked for, ascending. The watch must outlive it.
  FilmDecoder(std::filesystem::path path, const VideoIndex& index, std::vector<int64_t> wanted,
              const VideoOptions& options, FilmWatch& watch);

  /// The frame with this number, or null; valid until the next call. The rest as in FrameSource.
  const AVFrame* decode(int64_t frame);
  bool is_damaged() const { return frame_is_damaged_; }
  bool ended() const { return ended_; }

 private:
  void start_over(bool plain);
  const AVFrame* decode_through(int64_t frame);
  bool receive_frame();
  void note_damage();
  void send_packet();
  bool begins_part(int64_t packet) const;
  void seek_when_faster(const VideoIndex::Frame& frame);
  bool seek_to(const VideoIndex::KeyFrame& key, int64_t timestamp);
  bool is_wanted(int64_t pts) const;

  std::filesystem::path path_;
  const VideoIndex& index_;
  std::vector<int64_t> wanted_;
  int threads_;
  int64_t max_pixels_;
  FilmWatch& watch_;

  Film film_;
  Ffmpeg<AVCodecContext> decoder_;
  Ffmpeg<AVPacket> packet_;
  Ffmpeg<AVFrame> frame_;
  bool plain_ = false;           // neither seek nor skip: every frame is decoded
  bool may_skip_ = false;        // frames that no other refers to can be left undecoded
  bool has_frame_ = false;       // frame_ is decoded and not yet passed
  bool packet_is_read_ = false;  // packet_ is the next to be sent
  bool ended_ = false;
  bool part_ends_ = false;         // the decoder gives out what it holds before the next part
  bool frame_is_damaged_ = false;  // frame_ itself, or what it refers to
  bool damage_lasts_ = false;      // what follows refers to damaged frames, up to a key frame
  size_t part_ = 0;                // of the next packet
  int64_t next_packet_ = 0;        // number of the packet to be sent next
  int64_t frames_passed_ = 0;      // decoded since the start, for films without timestamps
};

}  // namespace owl3
