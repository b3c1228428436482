// What a look at a film's packets tells without decoding: how many frames there are, when each is
// shown, and where decoding can start.
#pragma once

#include <cstdint>
#include <vector>

#include "media/codecs/film.h"

namespace owl3 {

struct VideoIndex {
  struct Frame {
    int64_t pts = 0;       // on the film's one clock
    int64_t duration = 0;  // as the container says; 0: it doesn't
    int64_t packet = 0;    // the packet that holds it, counted in the file's order
    bool damaged = false;  // the container lost some of it, or of what it may refer to
  };
  struct KeyFrame {
    int64_t pts = 0;
    int64_t dts = 0;
    int64_t packet = 0;
  };
  /// A stretch of the file within which its clock runs on. Recordings joined end to end, or
  /// restarted, have several; they are shown one after the other.
  struct Part {
    int64_t first_packet = 0;
    int64_t offset = 0;  // from the times in the file to the film's one clock
  };

  std::vector<Frame> frames;  // in the order they are shown
  std::vector<KeyFrame> key_frames;
  std::vector<Part> parts;         // at least one
  int64_t packets = 0;             // whole packets in the file
  int64_t frame_interval = 0;      // the median from frame to frame; 0: unknown
  bool has_timestamps = false;     // every frame has a pts of its own; else frames are just counted
  bool has_field_packets = false;  // some frames come in two packets, a field each
  bool breaks_off = false;         // the file ends before its own end

  /// The frame shown at `pts`, or null.
  const Frame* find(int64_t pts) const;
  /// The last key frame from which the frame can be decoded, or null.
  const KeyFrame* key_frame_before(const Frame& frame) const;
  /// When the last frame is no longer shown.
  int64_t end_pts() const;
};

/// Reads every packet of the film, which is then at its end.
VideoIndex index_film(const Film& film);

}  // namespace owl3
