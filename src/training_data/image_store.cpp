#include "training_data/image_store.h"

#include <utility>

#include "core/error.h"
#include "media/video.h"
#include "training_data/batch.h"

namespace owl3 {
namespace {

constexpr size_t kMostWarnings = 1000;
constexpr int kThreads = 1;  // the samples are what is done in parallel

HashedImages hashed(std::vector<Image> images) {
  HashedImages result;
  for (Image& image : images) {
    const uint64_t hash = image_hash_of(image);
    result.push_back({std::move(image), hash});
  }
  return result;
}

}  // namespace

std::shared_ptr<const HashedImages> ImageStore::image(const std::string& reference, bool cut) {
  const std::string key = (cut ? "cut:" : "whole:") + reference;
  const bool keepable = !is_inline_medium(reference);
  if (keepable) {
    if (auto known = find(key)) return known;
  }
  const MediaBytes media = reader_->read(reference);
  const DecodedImage image = decode_image(media.bytes, media.name);
  take_warning(image.warning);
  auto images = std::make_shared<const HashedImages>(
      hashed(prepare_image(image, image_size_, cut, kThreads).images));
  if (keepable) keep(key, images);
  return images;
}

std::shared_ptr<const HashedImages> ImageStore::frames(const std::string& reference,
                                                       const VideoOptions& options) {
  VideoReader film = VideoReader::open(reader_->film(reference), options);
  std::vector<Image> frames;
  while (auto frame = film.next()) {
    frames.push_back(resize_bicubic(frame->image, image_size_, image_size_, kThreads));
  }
  if (static_cast<int64_t>(frames.size()) != film.frames()) {
    throw InputError(fmt::format("{}: only {} of {} frames can be decoded: {}", reference,
                                 frames.size(), film.frames(), film.warning()));
  }
  take_warning(film.warning());
  return std::make_shared<const HashedImages>(hashed(std::move(frames)));
}

size_t ImageStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ImageStore::clear() {
  const std::lock_guard lock(mutex_);
  places_.clear();
  entries_.clear();
  bytes_ = 0;
}

std::string ImageStore::warning() const {
  const std::lock_guard lock(mutex_);
  if (warnings_.empty()) return "";
  if (warnings_.size() == 1) return *warnings_.begin();
  return fmt::format("{}; {}{} more of images and films", *warnings_.begin(),
                     warnings_.size() == kMostWarnings ? "at least " : "", warnings_.size() - 1);
}

void ImageStore::take_warning(const std::string& warning) {
  if (warning.empty()) return;
  const std::lock_guard lock(mutex_);
  if (warnings_.size() < kMostWarnings) warnings_.insert(warning);
}

std::shared_ptr<const HashedImages> ImageStore::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->images;
}

void ImageStore::keep(const std::string& key, const std::shared_ptr<const HashedImages>& images) {
  Entry entry{key, images, key.size()};
  for (const HashedImage& image : *images) entry.bytes += image.image.rgb.size();
  const std::lock_guard lock(mutex_);
  if (entry.bytes > max_bytes_ || places_.contains(key)) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  places_[key] = entries_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace owl3
