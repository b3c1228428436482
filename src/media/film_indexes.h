// The indexes of films that were opened last: who looks at one part of a film after the other, or
// at several at once, has its packets read once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "media/video.h"

namespace owl3 {

/// May be used by several threads.
class FilmIndexes {
 public:
  /// As VideoReader::open(). While another thread reads the same film's packets, it waits for them.
  VideoReader open(const std::filesystem::path& path, const VideoOptions& options,
                   const std::function<bool()>& keep_going = {});

 private:
  /// What tells a file from another, or from what it was.
  struct File {
    std::filesystem::path path;
    uint64_t bytes = 0;
    std::filesystem::file_time_type written;
    bool operator==(const File&) const = default;
  };
  struct Known {
    explicit Known(File film) : file(std::move(film)) {}

    File file;
    std::mutex mutex;
    std::condition_variable ended;  // the reading
    bool is_read = false;           // by somebody, just now
    std::shared_ptr<const FilmIndex> index;
  };

  std::shared_ptr<Known> known(const std::filesystem::path& path);

  std::mutex mutex_;
  std::list<std::shared_ptr<Known>> films_;  // the one used last is the first
};

}  // namespace owl3
