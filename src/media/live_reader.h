// Sources of frames that have no end yet: a camera, a stream, a file that grows, a pipe, a folder.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/film_watch.h"
#include "media/image.h"

namespace owl3 {

enum class LiveKind {
  kFile,  // that may grow
  kPipe,  // a named one, or standard input
  kDevice,
  kUrl,
  kFolder,
};

struct LiveInput {
  LiveKind kind = LiveKind::kFile;
  std::string name;         // a path, "-" for standard input, a URL
  std::string protocols;    // that may be opened for a URL, with commas between them
  double idle_seconds = 0;  // a file or pipe ends when nothing has come for so long; 0: never
  int64_t max_pixels = kMaxPixels;
  size_t newest_pictures = 0;  // of those that are in a folder already, how many are shown

  bool is_standard_input() const { return kind == LiveKind::kPipe && name == "-"; }
  /// As people read it: "standard input", a URL without its password.
  std::string shown_name() const;
};

struct LivePicture {
  Image image;
  double seconds = 0;  // what `wants` was asked about
};

class LiveReader {
 public:
  /// Whether a frame is looked at, by its time: that of the film, from its first frame on and never
  /// going back, or seconds of a steady clock.
  using Wants = std::function<bool(double seconds)>;

  virtual ~LiveReader() = default;

  /// Waits for the next frame that is wanted; nothing at the end. Throws InputError where the
  /// source is broken, or a picture of a folder, behind which it goes on, and what the watch ends
  /// the work with.
  virtual std::optional<LivePicture> next(const Wants& wants) = 0;
  /// Of files, pipes, and films that a URL leads to.
  virtual bool has_film_clock() const { return false; }
  /// Behind its end: whether nothing can follow.
  virtual bool is_over() const { return false; }
  /// Whether it goes on after an InputError.
  virtual bool goes_on() const { return false; }
};

/// What a source is; `protocols` may be opened for it beside its own. Throws UsageError for one
/// that can't be, InputError for one that isn't there.
LiveInput find_live_input(const std::string& source, const std::vector<std::string>& protocols);

/// Opens it, which may wait for its first bytes. Throws as next(). The watch, whose time is not
/// counted, must outlive it.
std::unique_ptr<LiveReader> open_live(const LiveInput& input, FilmWatch& watch);

/// The pictures that come into a folder, whole: those there already first, the newest of them.
std::unique_ptr<LiveReader> watch_folder(const LiveInput& input, FilmWatch& watch);

}  // namespace owl3
