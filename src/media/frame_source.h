// Where a VideoReader's frames come from: a film, or an animated picture.
#pragma once

extern "C" {
#include <libavutil/frame.h>
}

#include <cstdint>

namespace owl3 {

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  /// The frame with this number, which must be behind the last one asked for; null when there is
  /// none to be had. Valid until the next call.
  virtual const AVFrame* decode(int64_t frame) = 0;
  /// Whether the frame last decoded is patched, or refers to one that is: the decoder says so, or
  /// met data on the way that it could not read.
  virtual bool is_damaged() const { return false; }
  /// Whether no frame can follow.
  virtual bool ended() const = 0;
};

}  // namespace owl3
