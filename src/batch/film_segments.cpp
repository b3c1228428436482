#include "batch/film_segments.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "batch/item_checksum.h"
#include "core/error.h"
#include "core/ordered_workers.h"
#include "media/video.h"

namespace owl3 {

namespace {

/// What is asked about of one file.
struct Parts {
  std::vector<FilmSegment> segments;  // none of a picture
  std::string error;
};

Parts parts_of(const MediaFile& file, const FilmCut& cut) {
  if (!file.is_video) return {};
  try {
    return {segments_of(milliseconds(film_seconds(file.path)), cut), {}};
  } catch (const InputError& error) {
    const std::string name = file.path.string();
    const std::string what = error.what();
    return {{}, what.starts_with(name) ? what : name + ": " + what};
  }
}

class SegmentItems : public BatchInput {
 public:
  SegmentItems(std::vector<MediaFile> files, std::vector<Parts> parts)
      : files_(std::move(files)), parts_(std::move(parts)) {
    for (const Parts& part : parts_) {
      begins_.push_back(size_);
      size_ += std::max<int64_t>(1, std::ssize(part.segments));
    }
  }

  int64_t size() const override { return size_; }
  bool has_rows() const override { return false; }

  BatchItem item(int64_t index) const override {
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), index);
    const auto number = static_cast<size_t>(next - begins_.begin() - 1);
    const MediaFile& file = files_[number];
    const Parts& parts = parts_[number];
    BatchItem item;
    item.name = file.path.string();
    item.media.push_back({file.is_video, file.path.string()});
    item.error = parts.error;
    if (parts.segments.empty()) return item;
    item.media.front().segment = parts.segments.at(static_cast<size_t>(index - begins_[number]));
    return item;
  }

  std::string checksum() const override {
    std::string text;
    for (int64_t i = 0; i < size_; ++i) {
      const BatchItem one = item(i);
      text.append(one.media.front().reference).push_back('\0');
      const auto& segment = one.media.front().segment;
      if (segment) text += fmt::format("{}-{}", segment->from_ms, segment->to_ms);
      text.push_back('\0');
    }
    return item_checksum(std::as_bytes(std::span(text)));
  }

 private:
  std::vector<MediaFile> files_;
  std::vector<Parts> parts_;
  std::vector<int64_t> begins_;  // of each file, its first item
  int64_t size_ = 0;
};

}  // namespace

int64_t milliseconds(double seconds) {
  return std::llround(std::clamp(seconds, 0.0, 1e12) * 1000);
}

std::vector<FilmSegment> segments_of(int64_t film_ms, const FilmCut& cut) {
  const int64_t end = cut.end_ms > 0 ? std::min(cut.end_ms, film_ms) : film_ms;
  const int64_t range = end - cut.start_ms;
  if (range <= 0) {
    throw InputError(fmt::format("nothing from second {:g} on; the film is {:.2f} s long",
                                 static_cast<double>(cut.start_ms) / 1000,
                                 static_cast<double>(film_ms) / 1000));
  }
  const int64_t whole = range / cut.length_ms;
  const int64_t rest = range % cut.length_ms;
  const bool joined = rest * 10 < cut.length_ms && whole > 0;
  const int64_t count = whole + (joined || rest == 0 ? 0 : 1);
  if (count > kMostSegments) {
    throw InputError(fmt::format("would be {} segments, more than {}: make --segments longer",
                                 count, kMostSegments));
  }
  std::vector<FilmSegment> segments(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    const int64_t from = cut.start_ms + i * cut.length_ms;
    segments[static_cast<size_t>(i)] = {i, from, is_last ? end : from + cut.length_ms, is_last};
  }
  return segments;
}

std::unique_ptr<BatchInput> items_of_segments(
    std::vector<MediaFile> files, const FilmCut& cut, int threads,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  if (std::none_of(files.begin(), files.end(), [](const auto& file) { return file.is_video; })) {
    throw InputError("--segments: there is no film among the files");
  }
  auto next = files.begin();
  const auto take = [&]() -> std::optional<const MediaFile*> {
    if (next == files.end()) return std::nullopt;
    return &*next++;
  };
  constexpr size_t kAhead = 64;
  OrderedWorkers<const MediaFile*, Parts> workers(
      threads, kAhead, take, [&](const MediaFile* file) { return parts_of(*file, cut); });
  std::vector<Parts> parts;
  while (std::optional<Parts> one = workers.next()) {
    parts.push_back(std::move(*one));
    if (progress) progress(std::ssize(parts), std::ssize(files));
  }
  return std::make_unique<SegmentItems>(std::move(files), std::move(parts));
}

}  // namespace owl3
