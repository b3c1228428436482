// The images of samples as the model sees them, kept while there is room: training data repeat
// their pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "media/image.h"
#include "training_data/media_reader.h"
#include "training_data/sample_encoder.h"

namespace owl3 {

struct HashedImage {
  Image image;  // S x S
  uint64_t hash = 0;
};
using HashedImages = std::vector<HashedImage>;

/// Least recently used images are dropped first. Safe to use from several threads; what it returns
/// does not depend on what it keeps.
class ImageStore {
 public:
  ImageStore(MediaReader& reader, const EncodeOptions& options, size_t max_bytes)
      : reader_(&reader), image_size_(options.image_size), max_bytes_(max_bytes) {}

  /// An image: its tiles and global view when cut, else one. Throws InputError.
  std::shared_ptr<const HashedImages> image(const std::string& reference, bool cut);
  /// The sampled frames of a film; not kept.
  std::shared_ptr<const HashedImages> frames(const std::string& reference,
                                             const VideoOptions& options);

  size_t bytes() const;
  /// Drops all.
  void clear();
  /// A line about the media that something was not right with, which are learnt from although;
  /// empty when there are none.
  std::string warning() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const HashedImages> images;
    size_t bytes = 0;
  };

  std::shared_ptr<const HashedImages> find(const std::string& key);
  void take_warning(const std::string& warning);
  void keep(const std::string& key, const std::shared_ptr<const HashedImages>& images);

  MediaReader* reader_;
  int image_size_;
  size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
  size_t bytes_ = 0;
  std::set<std::string> warnings_;
};

}  // namespace owl3
