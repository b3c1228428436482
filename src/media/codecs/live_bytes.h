// Bytes that come in time: a file that grows, whose end is waited at, or a pipe.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>

#include "media/codecs/ffmpeg.h"
#include "media/live_reader.h"

namespace owl3 {

class LiveBytes {
 public:
  /// Throws InputError when it can't be opened. The watch must outlive it.
  LiveBytes(const LiveInput& input, FilmWatch& watch);
  ~LiveBytes();
  LiveBytes(const LiveBytes&) = delete;
  LiveBytes& operator=(const LiveBytes&) = delete;

  AVIOContext* io() const { return io_.get(); }
  /// The headers are read: what is beyond a file's end from now on is waited for, not taken for
  /// missing.
  void wait_beyond_end() { waits_beyond_end_ = true; }
  /// A file that says itself that it ends here: waits until it is idle, cut short or replaced.
  void wait_at_end();
  /// Nothing has come for as long as was said.
  bool is_idle() const;

 private:
  using Clock = std::chrono::steady_clock;

  static int read(void* opaque, uint8_t* out, int size);
  static int64_t seek(void* opaque, int64_t offset, int whence);
  int read_when_there(uint8_t* out, int size);
  bool wait_for_pipe() const;
  bool file_is_over();

  const LiveInput input_;
  FilmWatch& watch_;
  int descriptor_ = -1;
  struct stat status_ {};  // as it was opened
  int64_t position_ = 0;   // in a file, and beyond it
  int64_t known_size_ = 0;
  bool waits_beyond_end_ = false;
  Clock::time_point last_read_ = Clock::now();
  Ffmpeg<AVIOContext> io_;
};

}  // namespace owl3
