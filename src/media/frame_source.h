// Where a VideoReader's frames come from: a film, or an animated picture.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "media/image.h"
#include "media/video_sampling.h"

namespace owl3 {

/// What the pass over a film's packets told, for who opens the same film again.
class FilmIndex {
 public:
  virtual ~FilmIndex() = default;
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  /// Of all frames.
  virtual const FrameTimes& times() const = 0;
  /// Null where another pass would cost nothing.
  virtual std::shared_ptr<const FilmIndex> index() const { return nullptr; }
  /// Whether the file ends before its own end.
  virtual bool breaks_off() const = 0;
  /// The frames that decode() will be asked for, ascending. Called once, before it.
  virtual void want(std::vector<int64_t> frames) = 0;
  /// The frame with this number, upright; it must be behind the last one asked for. Nothing where
  /// there is none to be had.
  virtual std::optional<Image> decode(int64_t frame) = 0;
  /// Whether the frame last decoded is patched, or refers to one that is: the decoder says so, or
  /// met data on the way that it could not read.
  virtual bool is_damaged() const = 0;
  /// Whether no frame can follow.
  virtual bool ended() const = 0;
};

}  // namespace owl3
