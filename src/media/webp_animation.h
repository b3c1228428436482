// Animated WebP as a film, through libwebp: FFmpeg 5 reads stills only.
#pragma once

#include <webp/decode.h>
#include <webp/demux.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/mapped_file.h"
#include "media/film_watch.h"
#include "media/frame_source.h"

namespace owl3 {

/// Whether the file is a WebP, animated or not; false too when it can't be read.
bool is_webp(const std::filesystem::path& path);

class WebpAnimation final : public FrameSource {
 public:
  /// Throws InputError when the file holds no whole frame. The watch must outlive it.
  WebpAnimation(const std::filesystem::path& path, FilmWatch& watch, int64_t max_pixels);

  /// Of one that is cut off, the frames that are whole. Frames of 10 ms or less last 100, as in
  /// browsers.
  const FrameTimes& times() const override { return times_; }
  bool breaks_off() const override { return breaks_off_; }
  void want(std::vector<int64_t>) override {}
  /// With white behind what is transparent.
  std::optional<Image> decode(int64_t frame) override;
  bool is_damaged() const override { return false; }
  bool ended() const override { return ended_; }

 private:
  struct DeleteDecoder {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
  };

  void read_times();
  void make_decoder();
  Image over_white(const uint8_t* rgba) const;

  std::string name_;
  FilmWatch& watch_;
  std::shared_ptr<const MappedFile> file_;
  std::vector<uint8_t> whole_part_;  // of a file that is cut off, as a file of its own
  bool breaks_off_ = false;
  FrameTimes times_;
  int orientation_ = 1;
  int64_t max_pixels_;
  WebPBitstreamFeatures features_{};
  std::unique_ptr<WebPAnimDecoder, DeleteDecoder> decoder_;
  int64_t next_ = 0;  // frame that the decoder yields next
  bool ended_ = false;
};

}  // namespace owl3
