// Animated WebP as a film: FFmpeg 5 reads stills only.
#pragma once

#include <webp/demux.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/mapped_file.h"
#include "media/film_watch.h"
#include "media/frame_source.h"
#include "media/video_index.h"

namespace owl3 {

/// Whether the file is a WebP, animated or not; false too when it can't be read.
bool is_webp(const std::filesystem::path& path);

class WebpAnimation final : public FrameSource {
 public:
  static constexpr double kTimeBase = 1e-3;  // seconds; what the index counts in

  /// Throws InputError when the file holds no whole frame. The watch must outlive it.
  WebpAnimation(const std::filesystem::path& path, FilmWatch& watch, int64_t max_pixels);

  /// Of one that is cut off, the frames that are whole. Frames of 10 ms or less last 100, as in
  /// browsers.
  const VideoIndex& index() const { return index_; }
  double seconds() const { return static_cast<double>(end_) * kTimeBase; }
  /// EXIF: 1 to 8.
  int orientation() const { return orientation_; }

  /// RGB, with white behind what is transparent.
  const AVFrame* decode(int64_t frame) override;
  bool ended() const override { return ended_; }

 private:
  struct DeleteDecoder {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
  };

  void read_index();
  void make_decoder(int64_t max_pixels);
  void copy_over_white(const uint8_t* rgba);

  std::string name_;
  FilmWatch& watch_;
  std::shared_ptr<const MappedFile> file_;
  std::vector<uint8_t> whole_part_;  // of a file that is cut off, as a file of its own
  VideoIndex index_;
  int64_t end_ = 0;
  int orientation_ = 1;
  std::unique_ptr<WebPAnimDecoder, DeleteDecoder> decoder_;
  Ffmpeg<AVFrame> frame_;
  int64_t next_ = 0;  // frame that the decoder yields next
  bool ended_ = false;
};

}  // namespace owl3
