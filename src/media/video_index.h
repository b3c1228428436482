// What a look at a film's packets tells without decoding: how many frames there are, when each is
// shown, and where decoding can start.
#pragma once

#include <cstdint>
#include <vector>

#include "media/film.h"

namespace owl3 {

struct VideoIndex {
  struct Frame {
    int64_t pts = 0;
    int64_t packet = 0;  // the packet that holds it, counted in the file's order
  };
  struct KeyFrame {
    int64_t pts = 0;
    int64_t dts = 0;
    int64_t packet = 0;
  };

  std::vector<Frame> frames;  // in the order they are shown
  std::vector<KeyFrame> key_frames;
  int64_t packets = 0;          // whole packets in the file
  bool has_timestamps = false;  // every frame has a pts of its own; else frames are just counted
  bool breaks_off = false;      // the file ends before its own end

  /// The frame shown at `pts`, or null.
  const Frame* find(int64_t pts) const;
  /// The last key frame from which the frame can be decoded, or null.
  const KeyFrame* key_frame_before(const Frame& frame) const;
};

/// Reads every packet of the film, which is then at its end.
VideoIndex index_film(const Film& film);

}  // namespace owl3
