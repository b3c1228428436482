// What FFmpeg is given to read, and what it may take it for: bytes in memory or one regular file,
// of a format that holds its content itself. Nothing is opened by name, so nothing that a file
// names is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/regular_file.h"
#include "media/codecs/ffmpeg.h"
#include "media/film_watch.h"

namespace owl3 {

class FfmpegInput {
 public:
  /// The bytes and the watch must outlive it.
  FfmpegInput(std::span<const std::byte> bytes, FilmWatch& watch);
  FfmpegInput(RegularFile file, FilmWatch& watch);
  FfmpegInput(const FfmpegInput&) = delete;
  FfmpegInput& operator=(const FfmpegInput&) = delete;

  int64_t size() const { return size_; }
  /// Reads up to `size` bytes; how many there were, 0 at the end, or FFmpeg's error. Independent of
  /// where FFmpeg stands.
  int read_at(int64_t offset, uint8_t* out, int size) const;

  AVIOContext* io() const { return io_.get(); }
  FilmWatch& watch() const { return *watch_; }

 private:
  void make_io();
  static int read(void* opaque, uint8_t* out, int size);
  static int64_t seek(void* opaque, int64_t offset, int whence);

  std::optional<RegularFile> file_;
  std::span<const std::byte> bytes_;
  FilmWatch* watch_;
  int64_t size_;
  int64_t position_ = 0;
  Ffmpeg<AVIOContext> io_;
};

/// What the content is, whatever the name.
struct ProbedFormat {
  const AVInputFormat* format = nullptr;  // null: none that owl3 reads
  std::string found;                      // what FFmpeg takes it for, in words, or empty
};
/// Throws InputError for a list of other files: a playlist, a manifest, a script.
ProbedFormat probe_format(const FfmpegInput& input, const std::string& name);

ProbedFormat probe_format(AVIOContext* io, FilmWatch& watch, const std::string& name);
/// All that are read, with commas between them.
std::string known_formats();

/// Reads the file's headers. Throws InputError, "<name>: <problem>: ...", where they are broken.
Ffmpeg<AVFormatContext> open_format(const FfmpegInput& input, const AVInputFormat* format,
                                    const std::string& name, const std::string& problem);
/// `flags`: AVFMT_FLAG_*.
Ffmpeg<AVFormatContext> open_format(AVIOContext* io, FilmWatch& watch, const AVInputFormat* format,
                                    const std::string& name, const std::string& problem,
                                    int flags = 0);

}  // namespace owl3
