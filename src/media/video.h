// Video: sampling frames and decoding only what they need, through FFmpeg's libraries.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "media/image.h"
#include "media/video_sampling.h"

namespace owl3 {

class FilmIndex;

struct VideoFrame {
  Image image;
  double seconds = 0;     // presentation time in the film
  int64_t index = 0;      // frame number in the film
  bool repeated = false;  // the frame before it once more: it is still on the screen
};

/// How long a film is. Its header tells; where that doesn't, the file is read once. Throws as
/// VideoReader::open() does.
double film_seconds(const std::filesystem::path& path,
                    const std::function<bool()>& keep_going = {});

/// Streams the sampled frames of a film in order; holds one frame at a time.
class VideoReader {
 public:
  /// Reads the whole file once, to know its frames, unless what another reader of it came to know
  /// is given; `keep_going` is asked now and then, by next() too, and Interrupted thrown when it
  /// says no. Throws InputError when the file can't be read, has no video, or takes too long
  /// (film_watch.h), as next() does.
  static VideoReader open(const std::filesystem::path& path, const VideoOptions& options,
                          const std::function<bool()>& keep_going = {},
                          std::shared_ptr<const FilmIndex> known = nullptr);
  /// The frames that are chosen by their numbers, instead of those the options say. Throws
  /// UsageError for numbers that descend or that the film does not have, and what `choose` throws.
  static VideoReader open(const std::filesystem::path& path, const FrameChooser& choose,
                          const VideoOptions& options,
                          const std::function<bool()>& keep_going = {});
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  ~VideoReader();

  /// Number of frames next() will yield, exact.
  int64_t frames() const;
  double source_fps() const;
  double duration_seconds() const;
  /// For other readers of the same file, as long as it is as it was; may be null.
  std::shared_ptr<const FilmIndex> index() const;
  /// The next sampled frame, upright by the film's rotation flag; nothing after the last. A film
  /// that breaks off early repeats no frame: it ends early and `warning()` tells.
  std::optional<VideoFrame> next();
  /// What was not right with the film, or empty.
  const std::string& warning() const;

 private:
  struct Impl;
  using Choose = std::function<std::vector<int64_t>(const FrameTimes& film)>;
  static VideoReader open_with(const std::filesystem::path& path, const Choose& choose,
                               const VideoOptions& options, const std::function<bool()>& keep_going,
                               std::shared_ptr<const FilmIndex> known);
  explicit VideoReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace owl3
