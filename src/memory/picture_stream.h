// Files and films turned into images as the model sees them, ahead of whoever encodes them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ordered_workers.h"
#include "media/film_indexes.h"
#include "media/video.h"
#include "memory/image_encoder.h"
#include "memory/image_file.h"

namespace owl3 {

/// One image file or one frame of a film.
struct Picture {
  std::vector<KeyedImage>
      images;  // tiles and the whole; of a frame that is on the screen still, none
  Grid grid{};
  double frame_seconds = 0;  // when a frame is shown
  int64_t frame_number = 0;  // which of the film's it is
  std::string warning{};
  std::string error{};  // of a file that can't be read, where the caller wants to know
};

/// Where time went.
struct PictureSeconds {
  std::atomic<int64_t> work_nanoseconds = 0;  // spent on pictures, by whichever thread
  /// That next() took, but for the first: while whoever encodes had nothing to do.
  double waited = 0;

  double work() const { return static_cast<double>(work_nanoseconds) / 1e9; }
};

/// How the model sees them, and how many threads may work.
struct PictureOptions {
  int image_size = 0;
  int threads = 0;  // 0: all cores; with 1 nothing is done ahead
  PictureSeconds& seconds;
};

class PictureStream {
 public:
  /// Called by one thread at a time; nothing after the last. What it returns is done on any.
  using Take = std::function<std::optional<std::function<Picture()>>()>;

  PictureStream(int threads, PictureSeconds& seconds, Take take);

  /// The next in order; asks `while_waiting` now and then, which may throw. Throws what reading
  /// does.
  std::optional<Picture> next(const std::function<void()>& while_waiting);

 private:
  using Work = std::function<Picture()>;
  using Workers = OrderedWorkers<Work, Picture>;

  std::optional<Work> timed_take();
  Picture timed(const Work& work);
  std::unique_ptr<Workers> make_workers(int threads);

  PictureSeconds& seconds_;
  Take take_;
  bool is_first_ = true;
  std::unique_ptr<Workers> workers_;  // last: they use all of the above
};

/// The files in order, cut where `cut` says so. With `tells_broken` one that can't be read is an
/// error in its place, else the InputError is thrown there. Files must outlive the stream.
std::unique_ptr<PictureStream> stream_images(std::vector<const ImageFile*> files,
                                             const ImageOptions& options, bool cut,
                                             bool tells_broken, const PictureOptions& how);

/// The sampled frames of a film, or those that are chosen by their numbers.
class FilmPictures {
 public:
  /// Reads the film once, to know its frames, unless `films` does; asks `keep_going` meanwhile, as
  /// next() does where nothing is done ahead. Throws as VideoReader::open() does.
  FilmPictures(const std::filesystem::path& path, const VideoOptions& options,
               const PictureOptions& how, std::function<bool()> keep_going, FilmIndexes& films,
               const FrameChooser& choose = {});
  ~FilmPictures() { is_over_ = true; }
  FilmPictures(const FilmPictures&) = delete;
  FilmPictures& operator=(const FilmPictures&) = delete;

  int64_t frames() const { return frames_; }
  PictureStream& stream() { return *stream_; }
  /// What was not right with the film; when all frames have been read.
  const std::string& warning() const { return reader_->warning(); }

 private:
  std::optional<std::function<Picture()>> take();

  std::function<bool()> keep_going_;
  int image_size_;
  int threads_;
  bool is_ahead_ = false;
  std::atomic<bool> is_over_ = false;
  std::optional<VideoReader> reader_;
  int64_t frames_ = 0;
  std::optional<PictureStream> stream_;  // last: its threads use all of the above
};

}  // namespace owl3
