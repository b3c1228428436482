// Media that are asked about by a name: those that a client has sent once, and memory files that
// whoever started the server has named.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "owl3/visual_memory.h"

namespace owl3::server {

struct ShelvedMedia {
  std::string name;  // "media-0f3a..."
  std::string kind;  // "image", "video" or "memory"
  std::vector<Medium> media;
  int64_t created = 0;  // in Unix time

  int64_t images() const;  // as the model sees them
  int64_t bytes() const;
};

/// Of any thread. A client's are seen by those alone who have the same key (the owner): who hasn't
/// hears the same of them as of what was never there.
class MediaShelf {
 public:
  /// Bytes of visual memory that all media of clients may hold; the ones used longest ago make way.
  explicit MediaShelf(int64_t budget_bytes) : budget_(budget_bytes) {}

  /// For everybody, and for ever. Names must differ.
  void put_for_all(ShelvedMedia media) { for_all_.push_back(std::move(media)); }
  /// In the place of what has that name already. False where it alone is more than the budget.
  bool put(const std::string& owner, ShelvedMedia media);
  std::optional<ShelvedMedia> find(const std::string& owner, const std::string& name);
  std::vector<ShelvedMedia> list(const std::string& owner) const;
  /// False where there was none, or it is everybody's.
  bool drop(const std::string& owner, const std::string& name);

 private:
  struct Entry {
    std::string owner;
    ShelvedMedia media;
    int64_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  Entries::iterator entry_of(const std::string& owner, const std::string& name);
  void take_out(Entries::iterator entry, Entries& gone);

  const int64_t budget_;
  std::vector<ShelvedMedia> for_all_;  // before anybody asks
  mutable std::mutex mutex_;
  Entries entries_;  // the one used last first
  int64_t bytes_ = 0;
};

}  // namespace owl3::server
