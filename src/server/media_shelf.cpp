#include "server/media_shelf.h"

#include <algorithm>
#include <iterator>

namespace owl3::server {

int64_t ShelvedMedia::images() const {
  int64_t images = 0;
  for (const Medium& medium : media) images += medium.images();
  return images;
}

int64_t ShelvedMedia::bytes() const {
  size_t bytes = 0;
  for (const Medium& medium : media) bytes += medium.bytes();
  return static_cast<int64_t>(bytes);
}

bool MediaShelf::put(const std::string& owner, ShelvedMedia media) {
  Entries added;
  const int64_t bytes = media.bytes();
  if (bytes > budget_) return false;
  const std::string name = media.name;
  added.push_back({owner, std::move(media), bytes});
  Entries gone;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  if (const auto known = entry_of(owner, name); known != entries_.end()) take_out(known, gone);
  entries_.splice(entries_.begin(), added);
  bytes_ += bytes;
  while (bytes_ > budget_) take_out(std::prev(entries_.end()), gone);
  return true;
}

std::optional<ShelvedMedia> MediaShelf::find(const std::string& owner, const std::string& name) {
  for (const ShelvedMedia& media : for_all_) {
    if (media.name == name) return media;
  }
  const std::lock_guard lock(mutex_);
  const auto entry = entry_of(owner, name);
  if (entry == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->media;
}

std::vector<ShelvedMedia> MediaShelf::list(const std::string& owner) const {
  std::vector<ShelvedMedia> all = for_all_;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.owner == owner) all.push_back(entry.media);
  }
  return all;
}

bool MediaShelf::drop(const std::string& owner, const std::string& name) {
  Entries gone;
  const std::lock_guard lock(mutex_);
  const auto entry = entry_of(owner, name);
  if (entry == entries_.end()) return false;
  take_out(entry, gone);
  return true;
}

MediaShelf::Entries::iterator MediaShelf::entry_of(const std::string& owner,
                                                   const std::string& name) {
  return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.owner == owner && entry.media.name == name;
  });
}

void MediaShelf::take_out(Entries::iterator entry, Entries& gone) {
  bytes_ -= entry->bytes;
  gone.splice(gone.end(), entries_, entry);
}

}  // namespace owl3::server
