#include "memory/picture_stream.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/threads.h"

namespace owl3 {

namespace {

using Clock = std::chrono::steady_clock;

/// Beside those that encode: reading a picture takes a small part of the time that encoding does.
int threads_ahead(int threads) {
  constexpr int kEncodingForEach = 4;
  constexpr int kMost = 4;
  if (threads <= 0) threads = available_threads();
  return threads == 1 ? 0 : std::clamp(threads / kEncodingForEach, 1, kMost);
}

KeyedImage hashed(Image image) {
  const ContentHash hash = content_hash(image);
  return {std::move(image), hash};
}

Picture read_picture(const ImageFile& file, const ImageOptions& options, bool cut, int image_size,
                     int threads) {
  DecodedImage image = file.load(options);
  ModelImages prepared = prepare_image(image, image_size, cut, threads);
  Picture picture;
  picture.grid = prepared.grid;
  picture.warning = std::move(image.warning);
  for (Image& part : prepared.images) picture.images.push_back(hashed(std::move(part)));
  return picture;
}

}  // namespace

PictureStream::PictureStream(int threads, PictureSeconds& seconds, Take take)
    : seconds_(seconds), take_(std::move(take)), workers_(make_workers(threads)) {}

/// Where the system gives no more threads, next() does the work.
std::unique_ptr<PictureStream::Workers> PictureStream::make_workers(int threads) {
  constexpr size_t kAhead = 8;  // some frames take longer than others
  const auto make = [&](int count) {
    return std::make_unique<Workers>(
        count, kAhead, [this] { return timed_take(); },
        [this](const Work& work) { return timed(work); });
  };
  try {
    return make(threads);
  } catch (const std::system_error&) {
    return make(0);
  }
}

std::optional<PictureStream::Work> PictureStream::timed_take() {
  const auto start = Clock::now();
  std::optional<Work> work = take_();
  seconds_.work_nanoseconds += std::chrono::nanoseconds(Clock::now() - start).count();
  return work;
}

Picture PictureStream::timed(const Work& work) {
  const auto start = Clock::now();
  Picture picture = work();
  seconds_.work_nanoseconds += std::chrono::nanoseconds(Clock::now() - start).count();
  return picture;
}

std::optional<Picture> PictureStream::next(const std::function<void()>& while_waiting) {
  constexpr std::chrono::milliseconds kBetween{50};
  const auto start = Clock::now();
  while (!workers_->wait_for(kBetween)) while_waiting();
  std::optional<Picture> picture = workers_->next();
  if (!std::exchange(is_first_, false)) {
    seconds_.waited += std::chrono::duration<double>(Clock::now() - start).count();
  }
  return picture;
}

std::unique_ptr<PictureStream> stream_images(std::vector<const ImageFile*> files,
                                             const ImageOptions& options, bool cut,
                                             bool tells_broken, const PictureOptions& how) {
  const int ahead = threads_ahead(how.threads);
  // Those ahead are the parallelism.
  const int threads = ahead > 0 ? 1 : how.threads;
  const auto read = [=, size = how.image_size](const ImageFile& file) {
    if (!tells_broken) return read_picture(file, options, cut, size, threads);
    try {
      return read_picture(file, options, cut, size, threads);
    } catch (const InputError& error) {
      Picture broken;
      broken.error = error.what();
      return broken;
    }
  };
  size_t next = 0;
  return std::make_unique<PictureStream>(
      ahead, how.seconds,
      [files = std::move(files), read, next]() mutable -> std::optional<std::function<Picture()>> {
        if (next == files.size()) return std::nullopt;
        const ImageFile* const file = files[next++];
        return [file, read] { return read(*file); };
      });
}

FilmPictures::FilmPictures(const std::filesystem::path& path, const VideoOptions& options,
                           const PictureOptions& how, std::function<bool()> keep_going,
                           FilmIndexes& films, const FrameChooser& choose)
    : keep_going_(std::move(keep_going)), image_size_(how.image_size) {
  const auto goes_on = [this] { return is_ahead_ ? !is_over_ : !keep_going_ || keep_going_(); };
  reader_.emplace(choose ? VideoReader::open(path, choose, options, goes_on)
                         : films.open(path, options, goes_on));
  frames_ = reader_->frames();
  const int ahead = threads_ahead(how.threads);
  threads_ = ahead > 0 ? 1 : how.threads;
  is_ahead_ = ahead > 0;
  stream_.emplace(ahead, how.seconds, [this] { return take(); });
}

std::optional<std::function<Picture()>> FilmPictures::take() {
  std::optional<VideoFrame> next = reader_->next();
  if (!next) return std::nullopt;
  const auto frame = std::make_shared<VideoFrame>(std::move(*next));
  return [this, frame] {
    Picture picture;
    picture.frame_seconds = frame->seconds;
    picture.frame_number = frame->index;
    if (frame->repeated) return picture;
    picture.images.push_back(
        hashed(resize_bicubic(frame->image, image_size_, image_size_, threads_)));
    return picture;
  };
}

}  // namespace owl3
