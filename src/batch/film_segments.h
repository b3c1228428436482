// Items that are parts of films, all of one length: "what happens in each minute?"
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "batch/batch_item.h"
#include "owl3/image_files.h"

namespace owl3 {

struct FilmCut {
  int64_t length_ms = 60'000;
  int64_t start_ms = 0;  // of the range of each film that is asked about
  int64_t end_ms = 0;    // 0: its end
};

/// Seconds as the milliseconds that segments are counted in.
int64_t milliseconds(double seconds);

/// The parts of a film that is so long, one after the other. What is left at the end is a part too,
/// unless it is shorter than a tenth of the others: then it belongs to the one before it. Throws
/// InputError where nothing is in the range, or more than kMostSegments are.
std::vector<FilmSegment> segments_of(int64_t film_ms, const FilmCut& cut);
inline constexpr int64_t kMostSegments = 100'000;

/// Each film's parts, in the order of the files; a picture is an item as it is. The lengths of
/// films are read by `threads` threads; `progress` is told how many files are done. A film that
/// can't be read is one item with an error. Throws InputError where there is no film.
std::unique_ptr<BatchInput> items_of_segments(
    std::vector<MediaFile> files, const FilmCut& cut, int threads,
    const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace owl3
