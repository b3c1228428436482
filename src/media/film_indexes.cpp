#include "media/film_indexes.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "core/error.h"
#include "media/frame_source.h"

namespace owl3 {

namespace {

constexpr size_t kMostFilms = 4;  // of long ones, an index has several megabytes

}  // namespace

std::shared_ptr<FilmIndexes::Known> FilmIndexes::known(const std::filesystem::path& path) {
  std::error_code error;  // what is wrong with the file, who opens it says
  const File file{path, std::filesystem::file_size(path, error),
                  std::filesystem::last_write_time(path, error)};
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(films_.begin(), films_.end(),
                                  [&](const auto& film) { return film->file == file; });
  if (found != films_.end()) {
    films_.splice(films_.begin(), films_, found);
  } else {
    films_.push_front(std::make_shared<Known>(file));
    if (films_.size() > kMostFilms) films_.pop_back();
  }
  return films_.front();
}

VideoReader FilmIndexes::open(const std::filesystem::path& path, const VideoOptions& options,
                              const std::function<bool()>& keep_going) {
  constexpr std::chrono::milliseconds kPatience(100);
  const std::shared_ptr<Known> film = known(path);
  std::unique_lock lock(film->mutex);
  while (film->is_read) {
    film->ended.wait_for(lock, kPatience);
    if (keep_going && !keep_going()) throw Interrupted("interrupted while reading a film");
  }
  if (const std::shared_ptr<const FilmIndex> index = film->index) {
    lock.unlock();
    return VideoReader::open(path, options, keep_going, index);
  }
  film->is_read = true;
  lock.unlock();
  std::shared_ptr<const FilmIndex> made;  // none where reading fails: the next one tries
  const auto end = [&](void*) {
    const std::lock_guard again(film->mutex);
    film->index = made;
    film->is_read = false;
    film->ended.notify_all();
  };
  const std::unique_ptr<void, decltype(end)> at_the_end(film.get(), end);
  VideoReader reader = VideoReader::open(path, options, keep_going);
  made = reader.index();
  return reader;
}

}  // namespace owl3
