// What a memory file holds: images by their pixels, and the photos and films that they are of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "core/sha.h"
#include "media/content_hash.h"
#include "memory/memory_stamp.h"
#include "owl3/options.h"

namespace owl3 {

/// Keys and values of an image, somewhere in the file.
struct ImageRecord {
  ContentHash pixels{};  // as the model saw them: turned, cut, resized
  uint64_t offset = 0;
  Checksum checksum{};
};

/// How a photo or film was read: what has to be the same for it to be the same to the model.
struct ReadingOptions {
  bool cut = false;
  bool apply_exif_orientation = true;
  std::optional<Colour> background{};
  double fps = 0;  // of films, as what follows
  int64_t max_frames = 0;
  double start_seconds = 0;
  double end_seconds = 0;
  FrameSampling sampling = FrameSampling::kTime;

  bool operator==(const ReadingOptions&) const = default;
};

/// A photo or a film.
struct MediumRecord {
  bool is_video = false;
  std::string path;      // as it was given, or found in what was given
  std::string absolute;  // where that was, to know it again
  std::string origin;    // the argument that brought it, absolute
  uint64_t file_bytes = 0;
  Sha256::Digest content{};  // of the file
  std::string taken;         // of a photo, "2024-07-01T12:33:05", or empty
  int32_t width = 0;         // of a photo, upright
  int32_t height = 0;
  ReadingOptions reading;
  int32_t rows = 0;  // of the tiles that a photo was cut into; 0: uncut
  int32_t cols = 0;
  std::vector<uint32_t> images;  // indices of Catalogue::images
  std::vector<double> seconds;   // of a film, when each of its images is shown
  std::string warning;           // what was not right with the file
};

struct Catalogue {
  MemoryStamp stamp;
  uint64_t record_bytes = 0;
  std::vector<ImageRecord> images;
  std::vector<MediumRecord> media;  // in the order in which they stand before a question

  /// Takes out images that no medium has.
  void drop_unused_images();
};

/// A whole number of pages.
std::vector<std::byte> encode_catalogue(const Catalogue& catalogue);

/// Of a file of so many bytes. Throws InputError, which says what is wrong without the file's name:
/// counts, indices, offsets and texts are within their bounds, and records lie apart.
Catalogue parse_catalogue(std::span<const std::byte> bytes, uint64_t file_bytes);

}  // namespace owl3
